"""The report of a regression as a page for a browser, without scripts or anything remote."""

import html
from typing import Any

_STYLE = """
body { font: 15px/1.4 system-ui, sans-serif; margin: 2em auto; max-width: 70em; padding: 0 1em; }
table { border-collapse: collapse; } td, th { padding: .2em .8em; text-align: left; }
th { border-bottom: 1px solid #888; } tr:nth-child(even) { background: #f4f4f4; }
.FAIL { background: #fbb; } .OKish { background: #cdf; } pre { overflow-x: auto; }
"""


def page(report: dict[str, Any]) -> str:
    """The page of what :func:`pyserini_ext.regress.report.report` gives."""
    place = ", ".join(f"{key} {value}" for key, value in report["machine"].items() if value)
    versions = ", ".join(
        f"{name} {value[:12]}" for name, value in report["versions"].items() if value
    )
    head = (
        f"{report['tasks']} tasks, {report['failed']} failed, {report['new']} without expected "
        f"scores. Started {report['started']}, took "
        f"{report['seconds']:.0f} s ({report['cpu seconds']:.0f} s of CPU). {place}. {versions}."
    )
    sections = "\n".join(map(_condition, report["conditions"]))
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        f"<title>Regressions</title><style>{_STYLE}</style></head>\n<body><h1>Regressions</h1>\n"
        f"<p>{html.escape(head)}</p>\n{sections}\n</body></html>\n"
    )


def _condition(condition: dict[str, Any]) -> str:
    rows = "\n".join(row for task in condition["tasks"] for row in _rows(task))
    details = "\n".join(map(_details, condition["tasks"]))
    return (
        f"<h2>{html.escape(condition['condition'])}</h2>\n<p>{html.escape(condition['display'])}"
        "</p>\n<table><tr><th></th><th>measure</th><th>measured</th><th>expected</th>"
        f"<th></th><th>source</th></tr>\n{rows}</table>\n{details}"
    )


def _rows(task: dict[str, Any]) -> list[str]:
    if not task["scores"]:
        cells = _cells(task["key"], "", "", "", task["result"], task["problem"] or "")
        return [f'<tr class="{task["result"]}">{cells}</tr>']
    rows = []
    for measure, one in task["scores"].items():
        expected = "–" if one["expected"] is None else f"{one['expected']:.4f}"
        words = (task["key"], measure, f"{one['measured']:.4f}", expected, one["result"])
        rows.append(f'<tr class="{one["result"]}">{_cells(*words, one["source"] or "")}</tr>')
    return rows


def _cells(*words: str) -> str:
    return "".join(f"<td>{html.escape(word)}</td>" for word in words)


def _details(task: dict[str, Any]) -> str:
    lines = []
    for step in task["steps"]:
        state = "used again, made in" if step["reused"] else "took"
        remarks = [f"{state} {step['seconds']:.1f} s"]
        remarks += [step[key] for key in ("made again because", "problem") if step[key]]
        remarks += [f"log: {step['log']}"] if step["log"] else []
        lines += [step["command"], f"  # {'; '.join(remarks)}"]
    text = html.escape("\n".join(lines + task["evaluation"]))
    return (
        f"<details><summary>{html.escape(task['key'])}: commands</summary>"
        f"<pre><code>{text}</code></pre></details>"
    )
