//! Rust names for the model's names.

/// Splits a name into words: at separators, and where case or digits say so.
fn words(name: &str) -> Vec<String> {
    let chars: Vec<char> = name.chars().collect();
    let mut words = vec![String::new()];
    for (i, &c) in chars.iter().enumerate() {
        if !c.is_ascii_alphanumeric() {
            words.push(String::new());
            continue;
        }
        let before = i.checked_sub(1).map(|j| chars[j]);
        let after = chars.get(i + 1);
        let starts = c.is_ascii_uppercase()
            && before.is_some_and(|b| {
                b.is_ascii_lowercase()
                    || b.is_ascii_digit()
                    || (b.is_ascii_uppercase() && after.is_some_and(char::is_ascii_lowercase))
            });
        if starts {
            words.push(String::new());
        }
        words.last_mut().expect("never empty").push(c.to_ascii_lowercase());
    }
    words.retain(|w| !w.is_empty());
    words
}

/// `SSESpecification` → `sse_specification`; Rust keywords as raw identifiers.
pub fn snake(name: &str) -> String {
    let snake = words(name).join("_");
    match snake.as_str() {
        "type" | "match" | "ref" | "mod" | "use" | "where" | "for" | "in" | "as" | "move"
        | "static" | "enum" | "struct" | "trait" | "if" | "else" | "loop" | "return" | "let"
        | "fn" | "const" | "async" | "await" | "override" | "final" | "abstract" | "default" => {
            format!("r#{snake}")
        }
        "self" | "super" | "crate" => format!("{snake}_"),
        _ => snake,
    }
}

/// `PAY_PER_REQUEST` → `PayPerRequest`; never a keyword, never our own `Unknown` or `Unset`.
pub fn pascal(name: &str) -> String {
    let mut out = String::new();
    for word in words(name) {
        let mut chars = word.chars();
        out.extend(chars.next().map(|c| c.to_ascii_uppercase()));
        out.push_str(chars.as_str());
    }
    match out.as_str() {
        "Unknown" | "Unset" | "Self" => out.push_str("Value"),
        "" => out.push_str("Empty"),
        _ if out.starts_with(|c: char| c.is_ascii_digit()) => out.insert(0, 'V'),
        _ => {}
    }
    out
}

/// The model's shape names are Rust type names already, unless they hide one we use.
pub fn type_name(shape: &str) -> String {
    match shape {
        "Api" | "Client" | "Error" | "Server" | "String" | "Vec" | "Option" | "Box" | "Blob"
        | "Timestamp" | "Document" | "BTreeMap" => format!("{shape}Shape"),
        _ => {
            let mut chars = shape.chars();
            let first = chars.next().map(|c| c.to_ascii_uppercase());
            first.into_iter().chain(chars).collect()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        for (name, expected_snake, expected_pascal) in [
            ("TableName", "table_name", "TableName"),
            ("SSESpecification", "sse_specification", "SseSpecification"),
            ("KMSKeyArn", "kms_key_arn", "KmsKeyArn"),
            ("PAY_PER_REQUEST", "pay_per_request", "PayPerRequest"),
            ("nodejs20.x", "nodejs20_x", "Nodejs20X"),
            ("logGroupNamePattern", "log_group_name_pattern", "LogGroupNamePattern"),
            ("Type", "r#type", "Type"),
            ("1xlarge", "1xlarge", "V1xlarge"),
            ("UNKNOWN", "unknown", "UnknownValue"),
            ("NULL", "null", "Null"),
        ] {
            assert_eq!(snake(name), expected_snake);
            assert_eq!(pascal(name), expected_pascal);
        }
    }
}
