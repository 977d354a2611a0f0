//! What a function says of a batch when it reports items that failed (`ReportBatchItemFailures`).

use serde_json::Value as Json;

/// The items that failed; `None` if the answer is not one, so that the whole batch counts as failed.
/// Facts: "Reporting batch item failures" in AWS's guide, success and failure conditions.
pub(crate) fn failures(payload: &[u8]) -> Option<Vec<String>> {
    if payload.is_empty() {
        return Some(Vec::new());
    }
    match serde_json::from_slice(payload).ok()? {
        Json::Null => Some(Vec::new()),
        Json::Object(answer) => match answer.get("batchItemFailures") {
            None | Some(Json::Null) => Some(Vec::new()),
            Some(Json::Array(items)) => items
                .iter()
                .map(|item| {
                    let id = item.get("itemIdentifier")?.as_str()?;
                    (!id.is_empty()).then(|| id.to_owned())
                })
                .collect(),
            Some(_) => None,
        },
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers() {
        let check = |payload: &str, expected: Option<&[&str]>| {
            let expected = expected.map(|ids| ids.iter().map(|id| id.to_string()).collect());
            assert_eq!(failures(payload.as_bytes()), expected, "{payload}");
        };
        check("", Some(&[]));
        check("null", Some(&[]));
        check("{}", Some(&[]));
        check(r#"{"batchItemFailures": null}"#, Some(&[]));
        check(r#"{"batchItemFailures": []}"#, Some(&[]));
        check(
            r#"{"batchItemFailures": [{"itemIdentifier": "a"}, {"itemIdentifier": "b"}]}"#,
            Some(&["a", "b"]),
        );
        check(r#"{"batchItemFailures": [{"itemIdentifier": ""}]}"#, None);
        check(r#"{"batchItemFailures": [{"itemIdentifier": null}]}"#, None);
        check(r#"{"batchItemFailures": [{"id": "a"}]}"#, None);
        check(r#"{"batchItemFailures": "a"}"#, None);
        check(r#""ok""#, None);
        check("{", None);
    }
}
