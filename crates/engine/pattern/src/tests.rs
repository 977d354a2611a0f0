//! What matches, and what is no pattern.

use serde_json::Value as Json;

use crate::Pattern;

fn check(pattern: &str, event: &str, expected: bool) {
    let parsed = Pattern::parse(pattern).expect(pattern);
    let event: Json = serde_json::from_str(event).unwrap();
    assert_eq!(parsed.matches(&event), expected, "{pattern} of {event}");
}

#[test]
fn rules() {
    for (rule, value, expected) in [
        (r#""a""#, r#""a""#, true),
        (r#""a""#, r#""A""#, false),
        ("1", "1.0", true),
        ("1", r#""1""#, false),
        ("null", "null", true),
        (r#""""#, r#""""#, true),
        ("true", r#""true""#, false),
        (r#"{"prefix": "ab"}"#, r#""abc""#, true),
        (r#"{"prefix": "b"}"#, r#""abc""#, false),
        (r#"{"suffix": "bc"}"#, r#""abc""#, true),
        (r#"{"equals-ignore-case": "ABC"}"#, r#""abc""#, true),
        (r#"{"wildcard": "a*c*e"}"#, r#""abcde""#, true),
        (r#"{"wildcard": "abc"}"#, r#""abc""#, true),
        (r#"{"wildcard": "a*a"}"#, r#""a""#, false),
        (r#"{"anything-but": ["a", "b"]}"#, r#""c""#, true),
        (r#"{"anything-but": ["a", "b"]}"#, r#""b""#, false),
        (r#"{"anything-but": 3}"#, "4", true),
        (r#"{"anything-but": {"prefix": "a"}}"#, r#""ab""#, false),
        (r#"{"anything-but": {"suffix": ["x", "b"]}}"#, r#""ab""#, false),
        (r#"{"anything-but": {"wildcard": "*/lib/*"}}"#, r#""a/lib/b""#, false),
        (r#"{"anything-but": {"wildcard": ["x*", "y*"]}}"#, r#""ab""#, true),
        (r#"{"anything-but": {"equals-ignore-case": ["AB", "c"]}}"#, r#""ab""#, false),
        (r#"{"anything-but": {"equals-ignore-case": "c"}}"#, r#""ab""#, true),
        (r#"{"anything-but": [1, 2]}"#, "2", false),
        (r#"{"anything-but": "a"}"#, "null", true),
        (r#"{"prefix": {"equals-ignore-case": "AB"}}"#, r#""aBc""#, true),
        (r#"{"suffix": {"equals-ignore-case": ".PNG"}}"#, r#""a.png""#, true),
        (r#"{"suffix": {"equals-ignore-case": ".PNG"}}"#, r#""a.jpg""#, false),
        (r#"{"wildcard": "a\\*b"}"#, r#""a*b""#, true),
        (r#"{"wildcard": "a\\*b"}"#, r#""axb""#, false),
        (r#"{"cidr": "10.0.0.0/24"}"#, r#""10.0.0.255""#, true),
        (r#"{"cidr": "10.0.0.0/24"}"#, r#""10.0.1.0""#, false),
        (r#"{"cidr": "0.0.0.0/0"}"#, r#""203.0.113.9""#, true),
        (r#"{"cidr": "2001:db8::/32"}"#, r#""2001:db8:1::1""#, true),
        (r#"{"cidr": "10.0.0.1"}"#, r#""10.0.0.1""#, true),
        (r#"{"exists": true}"#, "[]", false),
        (r#"{"exists": false}"#, "[]", true),
        (r#""a""#, r#"[["x"], ["a"]]"#, true),
        ("300", "3.0e2", true),
        (r#"{"numeric": [">", 1, "<=", 5]}"#, "5", true),
        (r#"{"numeric": [">", 1, "<=", 5]}"#, "1", false),
        (r#"{"numeric": ["=", 3.5]}"#, "3.5", true),
        (r#"{"numeric": ["=", 3.5]}"#, r#""3.5""#, false),
        (r#"{"exists": true}"#, "null", true),
        (r#"{"exists": true}"#, "{}", false),
        (r#"{"exists": false}"#, "0", false),
        (r#""a""#, r#"["x", "a"]"#, true),
    ] {
        check(&format!(r#"{{"k": [{rule}]}}"#), &format!(r#"{{"k": {value}}}"#), expected);
    }
    check(r#"{"k": [{"exists": false}]}"#, "{}", true);
    check(r#"{"k": [{"anything-but": "a"}]}"#, "{}", false);
    check(r#"{"k": ["a", {"numeric": ["<", 0]}]}"#, r#"{"k": -1}"#, true);
}

#[test]
fn fields_nest_and_branch() {
    let pattern = r#"{"a": {"b": [1]}, "$or": [{"c": ["x"]}, {"d": [{"exists": true}]}]}"#;
    check(pattern, r#"{"a": {"b": 1}, "c": "x"}"#, true);
    check(pattern, r#"{"a": [{"b": 2}, {"b": 1}], "d": 0}"#, true);
    check(pattern, r#"{"a": {"b": 1}, "c": "y"}"#, false);
    check(pattern, r#"{"a": {"b": 2}, "c": "x"}"#, false);
    check(pattern, r#"{"a": 1, "c": "x"}"#, false);
    check(r#"{"a": {"b": [{"exists": false}]}}"#, "{}", true);
    check("{}", r#"{"a": 1}"#, true);
    check(
        r#"{"dynamodb": {"Keys": {"id": {"S": [{"prefix": "u#"}]}}}}"#,
        r#"{"dynamodb": {"Keys": {"id": {"S": "u#1"}}}}"#,
        true,
    );
}

#[test]
fn what_is_no_pattern() {
    let deep = format!("{}[1]{}", r#"{"a":"#.repeat(40), "}".repeat(40));
    for text in [
        "",
        "[]",
        "1",
        r#"{"a": "x"}"#,
        r#"{"a": 1}"#,
        r#"{"a": []}"#,
        r#"{"a": {}}"#,
        r#"{"a": [["x"]]}"#,
        r#"{"a": [{"like": "x"}]}"#,
        r#"{"a": [{"prefix": 1}]}"#,
        r#"{"a": [{"prefix": "x", "suffix": "y"}]}"#,
        r#"{"a": [{"numeric": ["<", 5, ">", 1]}]}"#,
        r#"{"a": [{"numeric": [">", 5, "<", 1]}]}"#,
        r#"{"a": [{"numeric": [">"]}]}"#,
        r#"{"a": [{"exists": "yes"}]}"#,
        r#"{"a": [{"anything-but": []}]}"#,
        r#"{"a": [{"wildcard": "a**"}]}"#,
        r#"{"$or": [{"a": [1]}]}"#,
        &deep,
    ] {
        assert!(Pattern::parse(text).is_err(), "{text}");
    }
}

#[test]
fn lists_of_objects_match_one_by_one() {
    let pattern = r#"{"a": {"b": [1], "c": [2]}}"#;
    check(pattern, r#"{"a": [{"b": 1}, {"c": 2}]}"#, false);
    check(pattern, r#"{"a": [{"b": 1, "c": 3}, {"b": 1, "c": 2}]}"#, true);
    check(r#"{"a": {"b": [{"exists": false}]}}"#, r#"{"a": []}"#, true);
}

#[test]
fn or_is_a_name_where_it_is_no_list_of_patterns() {
    check(r#"{"$or": ["x"]}"#, r#"{"$or": "x"}"#, true);
    check(r#"{"$or": [{"prefix": "x"}, {"suffix": "y"}]}"#, r#"{"$or": "ay"}"#, true);
    check(r#"{"a": {"$or": [{"b": [1]}, {"c": [1]}]}}"#, r#"{"a": {"c": 1}}"#, true);
}

#[test]
fn reasons() {
    let check = |pattern: &str, expected: &str| {
        let found = Pattern::parse(pattern).map_or_else(|why| why.0, |_| "a pattern".into());
        assert_eq!(found, expected, "{pattern}");
    };
    check("[]", "Filter is not an object");
    check(r#"{"a": "x"}"#, "\"a\" must be an object or an array");
    check(r#"{"a": []}"#, "Empty arrays are not allowed");
    check(r#"{"a": [{"like": "x"}]}"#, "Unrecognized match type like");
    check(r#"{"a": [{"prefix": 1}]}"#, "prefix match pattern must be a string");
    check(r#"{"a": [{"wildcard": "a**"}]}"#, "Consecutive wildcard characters at pos 1");
    check(r#"{"a": [{"wildcard": "a\\b"}]}"#, "Invalid escape character at pos 1");
    check(r#"{"a": [{"cidr": "10.0.0.0/33"}]}"#, "Malformed CIDR, mask bits must be < 33");
    check(r#"{"a": [{"numeric": [">", 5, "<", 1]}]}"#, "Bottom must be less than top");
    let mixed = "Inside anything but list, either all values are number or string, mixed type is \
                 not supported";
    check(r#"{"a": [{"anything-but": [1, "a"]}]}"#, mixed);
    let branches = r#"[{"a": [1]}, {"b": [1]}, {"c": [1]}, {"d": [1]}]"#;
    let five: Vec<String> = (0..5).map(|n| format!(r#""f{n}": {{"$or": {branches}}}"#)).collect();
    let expected = "There are 1024 combinations of $or, more than the limit of 1000";
    check(&format!("{{{}}}", five.join(",")), expected);
}

#[test]
fn addresses_are_found_wherever_they_are() {
    let check = |pattern: &str, expected: bool| {
        assert_eq!(Pattern::parse(pattern).unwrap().has_addresses(), expected, "{pattern}");
    };
    check(r#"{"a": {"b": ["x", {"cidr": "10.0.0.0/8"}]}}"#, true);
    check(r#"{"$or": [{"a": [1]}, {"b": [{"cidr": "10.0.0.0/8"}]}]}"#, true);
    check(r#"{"cidr": ["10.0.0.0/8"]}"#, false);
}
