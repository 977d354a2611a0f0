#!/usr/bin/env bash
# Java or Node? Deploys the same function three times to a running cloud (GUREUM_ENDPOINT, default
# http://127.0.0.1:4566) and measures each, for GET and for POST. Needs maven, the AWS CLI and `gureum`.
# Usage: examples/java-or-node/run.sh [COLD STARTS, default 10]
set -euo pipefail
here=$(cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")" && pwd)
gureum=${GUREUM:-$here/../../gureum}
cold=${1:-10}
export GUREUM_ENDPOINT=${GUREUM_ENDPOINT:-http://127.0.0.1:4566} AWS_REGION=${AWS_REGION:-us-east-1}
export AWS_ACCESS_KEY_ID=${AWS_ACCESS_KEY_ID:-test} AWS_SECRET_ACCESS_KEY=${AWS_SECRET_ACCESS_KEY:-test}
call() { aws --endpoint-url "$GUREUM_ENDPOINT" --region "$AWS_REGION" --output json "$@"; }

(cd "$here/java" && mvn -q -B package)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m zipfile -c "$work/node.zip" "$here/node/index.mjs"

call dynamodb create-table --table-name notes --billing-mode PAY_PER_REQUEST \
    --key-schema AttributeName=id,KeyType=HASH \
    --attribute-definitions AttributeName=id,AttributeType=S >/dev/null 2>&1 || true
trust='{"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "lambda.amazonaws.com"}}}'
call iam create-role --role-name notes --assume-role-policy-document "$trust" >/dev/null 2>&1 || true
call iam attach-role-policy --role-name notes --policy-arn arn:aws:iam::aws:policy/AmazonDynamoDBFullAccess
account=$(call sts get-caller-identity --query Account | tr -d '"')

deploy() { # NAME RUNTIME HANDLER ZIP
    call lambda delete-function --function-name "$1" >/dev/null 2>&1 || true
    call lambda create-function --function-name "$1" --runtime "$2" --handler "$3" --zip-file "fileb://$4" \
        --role "arn:aws:iam::$account:role/notes" --memory-size 1024 --timeout 30 \
        --environment 'Variables={TABLE_NAME=notes}' >/dev/null
    call lambda wait function-active-v2 --function-name "$1"
}
deploy notes-node nodejs20.x index.handler "$work/node.zip"
deploy notes-java java17 cloud.gureum.notes.Plain "$here/java/target/notes.zip"
deploy notes-java-mapper java17 cloud.gureum.notes.Mapped "$here/java/target/notes.zip"

for event in '{"method": "POST", "id": "1", "text": "first"}' '{"method": "GET", "id": "1"}'; do
    method=$(printf '%s' "$event" | cut -d'"' -f4)
    echo "== $method"
    "$gureum" lambda bench --cold "$cold" --payload "$event" --svg "$here/$method.svg" \
        notes-node notes-java notes-java-mapper
done
echo "plots: $here/POST.svg $here/GET.svg"
