#!/usr/bin/env bash
# From an untrained Llama to six encoders and their scores. Stopped, the same command goes on.
# bash run.sh PAIRS BEIR/nfcorpus TEACHER OUTPUT
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
pairs=$(realpath "$1") collection=$(realpath "$2") teacher=$3
if [ -e "$teacher" ]; then teacher=$(realpath "$teacher"); fi
mkdir -p "$4"
cd "$4"

[ -e data/qrels ] || python "$here/prepare.py" --pairs "$pairs" --collection "$collection" --output .
ln -sfn "$collection" collection
[ -e negatives.jsonl ] || python -m llm_encoders.mine_negatives --train data \
  --negatives 7 --output negatives.jsonl
[ -e scored.jsonl ] || python -m llm_encoders.score --train negatives.jsonl --corpus data \
  --teacher "$teacher" --output scored.jsonl

contrastive='objective={contrastive: 1.0}'
distillation='objective={kl: 1.0, teacher_temperature: 0.05}'
both='objective={contrastive: 1.0, kl: 1.0, teacher_temperature: 0.05}'
for paradigm in sparse dense; do
  for objective in contrastive distillation both; do
    output=$paradigm-$objective
    [ -e "$output/spent.json" ] || python -m llm_encoders.train "$here/$paradigm.yaml" \
      "${!objective}" output="$output"
  done
done

# Pyserini's own commands over the test queries, untrained and trained.
for paradigm in sparse dense; do
  mkdir -p "untrained-$paradigm"
  cp llama/* "$paradigm-both/encoder_config.json" "untrained-$paradigm/"
done
for objective in untrained contrastive distillation both; do
  sparse=sparse-$objective dense=dense-$objective
  if [ $objective = untrained ]; then sparse=untrained-sparse dense=untrained-dense; fi
  [ -e "test-$objective.txt" ] || python -m pyserini_ext.quickstart --collection collection \
    --sparse $sparse --dense $dense --output "test-$objective" | tee "test-$objective.partial"
  [ -e "test-$objective.txt" ] || mv "test-$objective.partial" "test-$objective.txt"
done
python "$here/figures.py" . "$here"
