//! Measures invocations of a minimal function: cold, warm, and ten at a time.
//!
//! `cargo run -p service-lambda --example times [ROUNDS]`

use std::io::{Cursor, Write};
use std::sync::Arc;
use std::time::{Duration, Instant};

use api_lambda::{
    CreateFunctionRequest, FunctionCode, GetFunctionConfigurationRequest, InvocationRequest,
    Runtime, State, UpdateFunctionConfigurationRequest,
};
use kernel::{Config, Ctx, Kernel, Principal};
use service_lambda::Options;
use shape::Blob;
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

const NODE: &str = "export const handler = async (event) => event;";
const NODE_SDK: &str = "import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
const client = DynamoDBDocumentClient.from(new DynamoDBClient({}));
export const handler = async (event) => event;";
const PYTHON: &str = "def handler(event, context): return event";
const BOTO3: &str = "import boto3\nclient = boto3.client('dynamodb')
def handler(event, context): return event";

fn main() {
    sandbox::agent_main();
    let rounds = std::env::args().nth(1).and_then(|n| n.parse().ok()).unwrap_or(10);
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(measure(rounds));
}

async fn measure(rounds: usize) {
    let kernel = Kernel::new(Config::memory());
    let cache = std::env::temp_dir().join(format!("lambda-times-{}", std::process::id()));
    let options = Options::new(cache.clone(), Arc::new(|_| Box::pin(async {})));
    let (service, _) = service_lambda::service(&kernel, options);
    kernel.start(vec![service, service_logs::service()]);
    let principal = Principal::Root { account: "000000000000".into() };
    let ctx = Ctx::new(&kernel, "us-east-1", principal, "request".into());
    for (name, runtime, handler, file, source) in [
        ("node", "nodejs20.x", "index.handler", "index.mjs", NODE),
        ("node-sdk", "nodejs20.x", "index.handler", "index.mjs", NODE_SDK),
        ("python", "python3.11", "app.handler", "app.py", PYTHON),
        ("python-boto3", "python3.11", "app.handler", "app.py", BOTO3),
    ] {
        create(&ctx, name, runtime, handler, file, source).await;
        one(&ctx, name, rounds).await;
    }
    kernel.stop(Duration::from_secs(5)).await;
    // Ours; a leftover is only disk space.
    let _ = std::fs::remove_dir_all(cache);
}

async fn create(ctx: &Ctx, name: &str, runtime: &str, handler: &str, file: &str, source: &str) {
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    writer.start_file(file, SimpleFileOptions::default()).expect("a file");
    writer.write_all(source.as_bytes()).expect("its content");
    let package = writer.finish().expect("a zip file").into_inner();
    let request = CreateFunctionRequest {
        function_name: name.into(),
        runtime: Some(Runtime::from(runtime)),
        handler: Some(handler.into()),
        role: "arn:aws:iam::000000000000:role/times".into(),
        code: FunctionCode { zip_file: Some(Blob(package.into())), ..Default::default() },
        memory_size: Some(512),
        ..Default::default()
    };
    ctx.client::<api_lambda::Client>().create_function(request).await.expect("it is created");
    active(ctx, name).await;
}

async fn active(ctx: &Ctx, name: &str) {
    loop {
        let request =
            GetFunctionConfigurationRequest { function_name: name.into(), ..Default::default() };
        let found = ctx.client::<api_lambda::Client>().get_function_configuration(request).await;
        if found.expect("it exists").state == Some(State::Active) {
            return;
        }
        ctx.sleep(Duration::from_millis(1)).await;
    }
}

async fn one(ctx: &Ctx, name: &str, rounds: usize) {
    let (mut cold, mut warm) = (Vec::new(), Vec::new());
    for round in 0..rounds {
        // A change makes the next invocation a cold one.
        let request = UpdateFunctionConfigurationRequest {
            function_name: name.into(),
            description: Some(round.to_string()),
            ..Default::default()
        };
        let lambda = ctx.client::<api_lambda::Client>();
        lambda.update_function_configuration(request).await.expect("it changes");
        cold.push(invoke(ctx, name).await);
        for _ in 0..20 {
            warm.push(invoke(ctx, name).await);
        }
    }
    let ten = invoke_many(ctx, name, 10).await;
    println!("{name:13} cold {}  warm {}  ten at a time {ten:.0?}", median(cold), median(warm));
}

#[expect(clippy::disallowed_methods, reason = "a measurement needs the real clock")]
async fn invoke(ctx: &Ctx, name: &str) -> Duration {
    let begin = Instant::now();
    let request = InvocationRequest {
        function_name: name.into(),
        payload: Some(Blob("{\"a\":1}".into())),
        ..Default::default()
    };
    let answer = ctx.client::<api_lambda::Client>().invoke(request).await.expect("an answer");
    assert_eq!(answer.function_error, None);
    begin.elapsed()
}

async fn invoke_many(ctx: &Ctx, name: &str, count: usize) -> Duration {
    let mut set = tokio::task::JoinSet::new();
    for _ in 0..count {
        let (ctx, name) = (ctx.clone(), name.to_owned());
        set.spawn(async move { invoke(&ctx, &name).await });
    }
    set.join_all().await.into_iter().max().unwrap_or_default()
}

fn median(mut times: Vec<Duration>) -> String {
    times.sort();
    format!("{:.2} ms (of {})", times[times.len() / 2].as_secs_f64() * 1e3, times.len())
}
