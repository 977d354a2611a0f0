//! AWS's protocol test vectors, run in the server's direction: of an input case's request the
//! reader must obtain `params`; of an output case's `result` the writer must make an equivalent
//! `response`. They lie outside the repository (`../shared/protocol-tests`, or
//! `$GUREUM_SHARED/protocol-tests`); the test says so when they are absent.

#[path = "vectors/listed.rs"]
mod listed;
#[path = "vectors/tree.rs"]
mod tree;
#[path = "vectors/value.rs"]
mod value;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use http::{HeaderMap, HeaderName, HeaderValue, Response};
use serde_json::{Value as Json, json};
use shape::{Dynamic, Fault, Model, Operation, Protocol, Reading, Value as _};
use wire::{Request, Routed};

type Outcome = Result<(), String>;

fn directory() -> PathBuf {
    let shared = std::env::var_os("GUREUM_SHARED")
        .map(PathBuf::from)
        .unwrap_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../../shared"));
    shared.join("protocol-tests")
}

#[test]
fn vectors() {
    let directory = directory();
    if !directory.is_dir() {
        println!("SKIPPED: the protocol test vectors are not at {}", directory.display());
        return;
    }
    let mut outcomes: BTreeMap<String, Outcome> = BTreeMap::new();
    for side in ["input", "output"] {
        let mut files: Vec<_> =
            std::fs::read_dir(directory.join(side)).unwrap().map(|f| f.unwrap().path()).collect();
        files.sort();
        for file in files {
            let suites: Json = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
            for suite in suites.as_array().unwrap() {
                for case in suite["cases"].as_array().unwrap() {
                    let name = file.file_stem().unwrap().to_str().unwrap();
                    let id = format!("{side}/{name} {}", case["id"].as_str().unwrap());
                    let outcome = run(suite, case, side);
                    assert!(outcomes.insert(id.clone(), outcome).is_none(), "{id} twice");
                }
            }
        }
    }
    report(&outcomes);
}

fn report(outcomes: &BTreeMap<String, Outcome>) {
    let listed: BTreeSet<&str> =
        listed::LISTED.iter().flat_map(|(_reason, cases)| cases.iter().copied()).collect();
    let mut wrong = Vec::new();
    let mut passed = 0;
    for (id, outcome) in outcomes {
        match (outcome, listed.contains(id.as_str())) {
            (Ok(()), false) => passed += 1,
            (Ok(()), true) => wrong.push(format!("{id}: listed, but passes")),
            (Err(why), false) => wrong.push(format!("{id}: {why}")),
            (Err(_), true) => {}
        }
    }
    for id in listed.iter().filter(|id| !outcomes.contains_key(**id)) {
        wrong.push(format!("{id}: listed, but there is no such case"));
    }
    println!("{passed} passed, {} listed", listed.len());
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
}

fn run(suite: &Json, case: &Json, side: &str) -> Outcome {
    let mut given = case["given"].clone();
    let mut metadata = suite["metadata"].clone();
    if metadata["protocol"] == "query" && given["output"].is_object() {
        // The answers have the wrapper, the models of the vectors do not.
        let name = given["name"].as_str().unwrap();
        given["output"]["resultWrapper"] = json!(format!("{name}Result"));
    }
    let namespace = "https://example.com/";
    if case["response"]["body"].as_str().is_some_and(|body| body.contains(namespace)) {
        // Likewise.
        metadata["xmlNamespace"] = json!(namespace);
    }
    let source = json!({
        "metadata": metadata,
        "shapes": suite["shapes"],
        "operations": { given["name"].as_str().unwrap(): given },
    });
    let model = shape::botocore::load(&source, &|_| true).map_err(|e| e.to_string())?.leak();
    let op = &model.operations[0];
    match side {
        "input" => input_case(model, op, case),
        _ => output_case(model, op, case),
    }
}

/// CBOR bodies are base64 in the vectors.
fn body(model: &Model, text: &Json) -> Vec<u8> {
    let text = text.as_str().unwrap_or("");
    if model.service.protocol == Protocol::Cbor {
        tree::base64(text)
    } else {
        text.as_bytes().to_vec()
    }
}

fn input_case(model: &'static Model, op: &'static Operation, case: &Json) -> Outcome {
    let sent = &case["serialized"];
    let uri = sent["uri"].as_str().unwrap_or("/");
    let (path, query) = uri.split_once('?').unwrap_or((uri, ""));
    let mut headers = HeaderMap::new();
    for (name, value) in sent["headers"].as_object().into_iter().flatten() {
        let name: HeaderName = name.parse().unwrap();
        headers.insert(name, HeaderValue::from_str(value.as_str().unwrap()).unwrap());
    }
    if model.service.protocol == Protocol::Json && !headers.contains_key("x-amz-target") {
        // Vectors about something else leave it out; a client does not.
        let target = format!("{}.{}", model.service.target_prefix, op.name);
        headers.insert("x-amz-target", HeaderValue::from_str(&target).unwrap());
    }
    let request = Request {
        method: sent["method"].as_str().unwrap_or("POST"),
        path,
        query,
        headers: &headers,
        body: body(model, &sent["body"]).into(),
    };
    let routed = wire::match_operation(model, &request);
    if routed != Routed::Operation(0) {
        return Err(format!("routed to {routed:?}"));
    }
    let mut input = Dynamic::new(&op.input);
    wire::read_request(model, op, &request, input.as_struct(), &mut Reading::default())
        .map_err(|e| format!("read: {e}"))?;
    value::same(&op.input, &input.view(), &case["params"])
}

fn output_case(model: &'static Model, op: &'static Operation, case: &Json) -> Outcome {
    let request_id = case["response"]["headers"]["X-Amzn-Requestid"].as_str().unwrap_or("foo-id");
    let response = match case.get("errorCode") {
        None => {
            let mut output = Dynamic::new(&op.output);
            output.as_struct();
            value::fill(&op.output, &case["result"], &mut output)?;
            wire::write_response(model, op, output.as_struct(), request_id)
        }
        Some(_) => wire::write_fault(model, Some(op), &fault(model, op, case)?, request_id),
    };
    same_response(model, &case["response"], &response)
}

/// The fault that a handler returns: the modeled error with its members.
fn fault(model: &'static Model, op: &'static Operation, case: &Json) -> Result<Fault, String> {
    let index = *op.errors.first().ok_or("no modeled error")?;
    let mut detail = Dynamic::of(&model.shapes[index as usize]);
    detail.as_struct();
    value::fill_structure(&model.shapes[index as usize], &case["error"], detail.as_struct())?;
    let mut fault = Fault::modeled(detail.into_struct().ok_or("not a structure")?);
    fault.status = case["response"]["status_code"].as_u64().unwrap() as u16;
    Ok(fault)
}

fn same_response(model: &Model, expected: &Json, got: &Response<bytes::Bytes>) -> Outcome {
    let status = expected["status_code"].as_u64().unwrap_or(200);
    if u64::from(got.status().as_u16()) != status {
        return Err(format!("status {} instead of {status}", got.status()));
    }
    let error = got.status().as_u16() >= 400;
    for (name, value) in expected["headers"].as_object().into_iter().flatten() {
        let got = match name.to_ascii_lowercase().as_str() {
            // HTTP's own, and compared with the error's name.
            "content-length" => Some(got.body().len().to_string()),
            "x-amzn-errortype" => continue,
            _ => got.headers().get(name).and_then(|v| v.to_str().ok()).map(str::to_owned),
        };
        let (got, value) = (got.as_deref().map(header_items), value.as_str().map(header_items));
        if got != value {
            return Err(format!("header {name}: {got:?} instead of {value:?}"));
        }
    }
    if expected["body"].is_null() && !error {
        return Ok(());
    }
    let wanted = body(model, &expected["body"]);
    let same = match model.service.protocol {
        Protocol::Json | Protocol::RestJson if error => {
            let got_type = got.headers().get("x-amzn-errortype").map(|v| v.to_str().unwrap());
            let wanted_type = expected["headers"]["X-Amzn-Errortype"].as_str();
            tree::same_json_error((wanted_type, &wanted), (got_type, got.body()))
        }
        Protocol::Json | Protocol::RestJson => tree::same_json(&wanted, got.body()),
        Protocol::RestXml | Protocol::Query | Protocol::Ec2 => tree::same_xml(&wanted, got.body()),
        Protocol::Cbor => tree::same_cbor(&wanted, got.body()),
    };
    same.map_err(|why| {
        let got = String::from_utf8_lossy(got.body());
        format!("{why}\n  wanted {}\n  got    {got}", String::from_utf8_lossy(&wanted))
    })
}

/// White space after commas does not matter in a header, nor does the character set.
fn header_items(value: &str) -> Vec<String> {
    let value = value.strip_suffix(";charset=UTF-8").unwrap_or(value);
    value.split(',').map(|item| item.trim().to_owned()).collect()
}
