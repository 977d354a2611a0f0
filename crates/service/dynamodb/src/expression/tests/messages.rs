//! What DynamoDB says against expressions.

use serde_json::{Value as Json, json};

use super::super::{ExpressionKind, ExpressionKind::*, fuzz_parse, key_condition::KeyConditions};
use super::{placeholders, verdict};

fn check(kind: ExpressionKind, given: Json, cases: &[(&str, &str)]) {
    for (text, expected) in cases {
        assert_eq!(verdict(kind, text, &given), *expected, "{text}");
    }
}

#[test]
fn syntax_errors_name_the_token_and_its_neighbours() {
    check(
        Filter,
        json!({}),
        &[
            ("", "The expression can not be empty;"),
            ("a > 4", r#"Syntax error; token: "4", near: "> 4""#),
            ("a-b", r#"Syntax error; token: "-", near: "a-b""#),
            ("a = = :v", r#"Syntax error; token: "=", near: "= = :v""#),
            ("_hidden = :v", r#"Syntax error; token: "_", near: "_hidden""#),
            ("attribute_not_exists(", r#"Syntax error; token: "<EOF>", near: "(""#),
            ("contains (themes, :theme", r#"Syntax error; token: "<EOF>", near: ":theme""#),
            (
                "a attribute_not_exists :c",
                r#"Syntax error; token: "attribute_not_exists", near: "a attribute_not_exists :c""#,
            ),
            ("things are not gonna be ok", r#"Syntax error; token: "are", near: "things are not""#),
            ("a in b", r#"Syntax error; token: "b", near: "in b""#),
            ("a in (b,c,)", r#"Syntax error; token: ")", near: ",)""#),
            ("(a)between(b.(c.d))and(c)", r#"Syntax error; token: "(", near: ".(c""#),
            ("#$.b > a", r##"Syntax error; token: "#", near: "#$""##),
            ("b[:a] > a", r#"Syntax error; token: ":a", near: "[:a]""#),
            ("ü > a", r#"Syntax error; token: "ü", near: "ü >""#),
            ("size(a).b > a", r#"Syntax error; token: ".", near: ").b""#),
            ("(size(a))[0] > a", r#"Syntax error; token: "[", near: ")[0""#),
            (":a", r#"Syntax error; token: "<EOF>", near: ":a""#),
            ("a", r#"Syntax error; token: "<EOF>", near: "a""#),
            ("a = b)", r#"Syntax error; token: ")", near: "b)""#),
            ("((a = b)", r#"Syntax error; token: "<EOF>", near: ")""#),
        ],
    );
    check(
        Projection,
        json!({}),
        &[
            ("!!! INVALID !!!", r#"Syntax error; token: "!", near: "!!""#),
            ("a,", r#"Syntax error; token: "<EOF>", near: ",""#),
            ("a,,b", r#"Syntax error; token: ",", near: ",,b""#),
            ("a b", r#"Syntax error; token: "b", near: "a b""#),
        ],
    );
    check(
        Update,
        json!({}),
        &[
            ("INVALID SYNTAX HERE", r#"Syntax error; token: "INVALID", near: "INVALID SYNTAX""#),
            ("SET _123 = :val1", r#"Syntax error; token: "_", near: "SET _123""#),
            ("SET a = :v,", r#"Syntax error; token: "<EOF>", near: ",""#),
            ("set a=set", r#"Syntax error; token: "set", near: "=set""#),
            ("SET", r#"Syntax error; token: "<EOF>", near: "SET""#),
            ("add a b", r#"Syntax error; token: "b", near: "a b""#),
            ("set a = b + c + d", r#"Syntax error; token: "+", near: "c + d""#),
            ("SET a = if_not_exists(a, 100)", r#"Syntax error; token: "100", near: ", 100)""#),
        ],
    );
}

#[test]
fn parentheses_may_not_be_redundant() {
    let redundant = "The expression has redundant parentheses;";
    let cases = [
        ("((a <> :p))", redundant),
        ("a=b and a > ((c))", redundant),
        ("(a)between(((b.c)))and(c)", redundant),
        ("a=b AND ((a=b AND a=c)) AND a=d", redundant),
        ("a=b OR ((a=b OR (a=c OR a=d)))", redundant),
        ("size((a)) < (:p)", "ok"),
        ("(a <> :p)", "ok"),
        ("((a <> :p) and b <> :p)", "ok"),
        ("( ( ( size ( c )) < d ) AND ( b > :p ) )", "ok"),
        ("NOT (NOT (a = :p))", "ok"),
        ("(a) = (:p)", "ok"),
    ];
    for (text, expected) in cases {
        let given = if text.contains(":p") { json!({":p": {"S": "x"}}) } else { json!({}) };
        assert_eq!(verdict(Filter, text, &given), expected, "{text}");
    }
}

#[test]
fn functions_and_names_are_checked_before_placeholders() {
    let misused = |name: &str| {
        format!(
            "The function is not allowed to be used this way in an expression; function: {name}"
        )
    };
    check(
        Filter,
        json!({}),
        &[
            ("attRIbute_exIsts((views), #a)", "Invalid function name; function: attRIbute_exIsts"),
            ("attribute_not_exists(things) > b", &misused("attribute_not_exists")),
            ("contains(:things, c) > b", &misused("contains")),
            ("size(contains(a, b)) > a", &misused("contains")),
            ("size(things)", &misused("size")),
            ("a in (b, attribute_exists(things))", &misused("attribute_exists")),
            (
                "if_not_exists(a, a) = :arg",
                "The function is not allowed in a condition expression; function: if_not_exists",
            ),
            (":a < abOrT", "Attribute name is a reserved keyword; reserved keyword: abOrT"),
            (
                "a[99999999999] = :a",
                "List index is not within the allowable range; index: [99999999999]",
            ),
            (
                "attribute_exists(things, a)",
                "Incorrect number of operands for operator or function; operator or function: attribute_exists, number of operands: 2",
            ),
            (
                "begins_with(things, size(a), b)",
                "Incorrect number of operands for operator or function; operator or function: begins_with, number of operands: 3",
            ),
            (
                "#4g > a",
                "An expression attribute name used in the document path is not defined; attribute name: #4g",
            ),
            (
                "(a)between(b.c[45].#d)and(:a)",
                "An expression attribute name used in the document path is not defined; attribute name: #d",
            ),
            (
                ":_ > a",
                "An expression attribute value used in expression is not defined; attribute value: :_",
            ),
        ],
    );
}

#[test]
fn functions_and_sections_of_updates_are_checked_before_placeholders() {
    check(
        Update,
        json!({}),
        &[
            ("set c = dog(d)", "Invalid function name; function: dog"),
            (
                "set c = list_append(list_append(d, e), f)",
                "The function is not allowed to be used this way in an expression; function: list_append",
            ),
            (
                "set c = size(d)",
                "The function is not allowed in an update expression; function: size",
            ),
            (
                " remove Absolute ",
                "Attribute name is a reserved keyword; reserved keyword: Absolute",
            ),
            (
                "set a = #c set c = :d",
                "The \"SET\" section can only be used once in an update expression;",
            ),
            (
                "remove #d set a = b remove e",
                "The \"REMOVE\" section can only be used once in an update expression;",
            ),
            (
                "set a = if_not_exists(c)",
                "Incorrect number of operands for operator or function; operator or function: if_not_exists, number of operands: 1",
            ),
            (
                "set a = if_not_exists(if_not_exists(a, b), c)",
                "Operator or function requires a document path; operator or function: if_not_exists",
            ),
        ],
    );
}

#[test]
fn operands_must_have_fitting_types() {
    let types = |name: &str, operand: &str| {
        format!(
            "Incorrect operand type for operator or function; operator or function: {name}, operand type: {operand}"
        )
    };
    for (text, value, expected) in [
        ("attribute_type(a, :a)", json!({"N": "1"}), types("attribute_type", "N")),
        ("attribute_type(a, size(a)) and a=:a", json!({"N": "1"}), types("attribute_type", "N")),
        ("attribute_type(a, :a)", json!({"S": "DOG"}), "Invalid attribute type name found; type: DOG, valid types: {B,NULL,SS,BOOL,L,BS,N,NS,S,M}".to_owned()),
        ("begins_with(a, :a)", json!({"N": "1"}), types("begins_with", "N")),
        ("begins_with(:a, a)", json!({"L": []}), types("begins_with", "L")),
        ("size(size(a)) > :a", json!({"N": "1"}), types("size", "N")),
        ("size(:a) > a", json!({"BOOL": true}), types("size", "BOOL")),
        ("a < :a", json!({"L": []}), types("<", "L")),
        ("a between :a and b", json!({"M": {}}), types("BETWEEN", "M")),
        ("attribute_exists(:a)", json!({"S": "1"}), "Operator or function requires a document path; operator or function: attribute_exists".to_owned()),
        ("a = :a", json!({"L": []}), "ok".to_owned()),
    ] {
        assert_eq!(verdict(Condition, text, &json!({ ":a": value })), expected, "{text}");
    }
    let bounds = json!({":a": {"S": "a"}, ":b": {"S": "b"}, ":n": {"N": "1"}});
    for (text, expected) in [
        (
            "a between :b and :a and a = :n",
            "The BETWEEN operator requires upper bound to be greater than or equal to lower bound; lower bound operand: AttributeValue: {S:b}, upper bound operand: AttributeValue: {S:a}",
        ),
        (
            "a between :n and :a and a = :b",
            "The BETWEEN operator requires same data type for lower and upper bounds; lower bound operand: AttributeValue: {N:1}, upper bound operand: AttributeValue: {S:a}",
        ),
    ] {
        assert_eq!(verdict(Filter, text, &bounds), expected, "{text}");
    }
    for (text, value, expected) in [
        ("add a.b :a", json!({"S": "a"}), "Incorrect operand type for operator or function; operator: ADD, operand type: STRING, typeSet: ALLOWED_FOR_ADD_OPERAND".to_owned()),
        ("delete a.b :a", json!({"N": "1"}), "Incorrect operand type for operator or function; operator: DELETE, operand type: NUMBER, typeSet: ALLOWED_FOR_DELETE_OPERAND".to_owned()),
        ("set a = list_append(:a, a)", json!({"S": "a"}), types("list_append", "S")),
        ("set a = a + :a", json!({"NS": ["1"]}), types("+", "NS")),
        ("set a = :a - b", json!({"L": []}), types("-", "L")),
    ] {
        assert_eq!(verdict(Update, text, &json!({ ":a": value })), expected, "{text}");
    }
}

#[test]
fn operands_must_differ() {
    let same = |operator: &str, path: &str| {
        format!(
            "The first operand must be distinct from the remaining operands for this operator or function; operator: {operator}, first operand: {path}"
        )
    };
    check(
        Filter,
        json!({"#a": "a"}),
        &[
            ("#a <> a", &same("<>", "[a]")),
            ("((a=#a) OR (a=a))", &same("=", "[a]")),
            ("contains(ab.bc[1].a, ab.bc[1].#a)", &same("contains", "[ab, bc, [1], a]")),
            ("a IN (b, #a)", &same("IN", "[a]")),
        ],
    );
}

#[test]
fn paths_may_not_overlap_or_conflict() {
    let message = |problem: &str, one: &str, two: &str| {
        format!(
            "Two document paths {problem} with each other; must remove or rewrite one of these paths; path one: {one}, path two: {two}"
        )
    };
    let names = json!({"#c": "c", "#d": "[3]"});
    for (text, expected) in [
        (
            "set d[1] = a, d.b = a, c[1].a = a, #c = a remove #d",
            message("overlap", "[c, [1], a]", "[c]"),
        ),
        ("set #c[3].#d = a, #c[3] = a", message("overlap", "[c, [3], [3]]", "[c, [3]]")),
        ("remove a.#c, #d set a[1] = b", message("conflict", "[a, c]", "[a, [1]]")),
    ] {
        assert_eq!(verdict(Update, text, &names), expected, "{text}");
    }
    check(
        Projection,
        json!({}),
        &[
            ("a,b,a", &message("overlap", "[a]", "[a]")),
            ("a.b, a.b[0].c", &message("overlap", "[a, b]", "[a, b, [0], c]")),
            ("a.b, a[1]", &message("conflict", "[a, b]", "[a, [1]]")),
            ("a.b, a.c, a.d[0], a.d[1]", "ok"),
        ],
    );
}

#[test]
fn placeholders_are_checked() {
    let verdict = |text: &str, given: Json| verdict(Filter, text, &given);
    assert_eq!(
        verdict("a = b", json!({"#a": "a", "#b": "b"})),
        "Value provided in ExpressionAttributeNames unused in expressions: keys: {#a, #b}"
    );
    assert_eq!(
        verdict("a = :v", json!({":unused": {"S": "x"}, ":v": {"S": "v"}})),
        "Value provided in ExpressionAttributeValues unused in expressions: keys: {:unused}"
    );
    assert_eq!(
        verdict("a = :v", json!({"v": {"S": "x"}})),
        "ExpressionAttributeValues contains invalid key: Syntax error; key: \"v\""
    );
    assert_eq!(
        verdict("#a = b", json!({"#a": ""})),
        "ExpressionAttributeNames contains invalid value: Empty attribute name for key #a"
    );
}

#[test]
fn sizes_and_counts_are_limited() {
    let long = "a".repeat(4097);
    let too_long = "Expression size has exceeded the maximum allowed size;";
    for kind in [Projection, Update, KeyCondition] {
        assert_eq!(verdict(kind, &long, &json!({})), too_long);
    }
    for kind in [Filter, Condition] {
        let counted = format!("{too_long} expression size: 4097");
        assert_eq!(verdict(kind, &long, &json!({})), counted);
    }
    assert_eq!(verdict(Projection, &long[1..], &json!({})), "ok");
    let too_many = "The expression contains too many operators; operator count: 301";
    assert_eq!(verdict(Filter, &["a<b"; 200].join(" or "), &json!({})), too_many);
    assert_eq!(verdict(Filter, &["a<b"; 150].join(" or "), &json!({})), "ok");
    let list: Vec<String> = (0..101).map(|i| format!("v{i}")).collect();
    assert_eq!(
        verdict(Filter, &format!("a in ({})", list.join(",")), &json!({})),
        "The IN operator is provided with too many operands; number of operands: 101"
    );
    assert_eq!(verdict(Filter, &format!("a in ({})", list[1..].join(",")), &json!({})), "ok");
}

/// Run with a small stack: a server's threads have no more than 2 MB.
#[test]
fn depth_is_the_clients_choice_and_harmless() {
    let deep: [String; 9] = [
        "(".repeat(4096),
        format!("{}a=b{}", "(".repeat(2000), ")".repeat(2000)),
        format!("{}a{}=b", "(".repeat(2000), ")".repeat(2000)),
        format!("{}a=b", "not ".repeat(1000)),
        format!("{}a=b{}", "not(".repeat(680), ")".repeat(680)),
        format!("a<{}b{}", "f(".repeat(1300), ")".repeat(1300)),
        format!("a<{}b{}", "size(".repeat(680), ")".repeat(680)),
        format!("{}a=b{}", "a=b and (".repeat(400), ")".repeat(400)),
        format!("set a={}b{}", "if_not_exists(a,".repeat(230), ")".repeat(230)),
    ];
    let run = move || {
        for text in deep {
            for kind in [Condition, Update, Projection] {
                assert!(!fuzz_parse(kind, &text) || text.starts_with("set a=if_not"), "{text}");
            }
        }
        let nested = format!("set a={}b{}", "if_not_exists(a,".repeat(230), ")".repeat(230));
        assert_eq!(verdict(Update, &nested, &json!({})), "ok");
        let nested = format!("{}a=b{}", "not(".repeat(290), ")".repeat(290));
        assert_eq!(verdict(Filter, &nested, &json!({})), "ok");
    };
    std::thread::Builder::new().stack_size(1 << 20).spawn(run).unwrap().join().unwrap();
}

#[test]
fn random_texts_never_panic() {
    let pieces = [
        "a",
        "b.c",
        "#n",
        ":v",
        "(",
        ")",
        "[",
        "]",
        "0",
        "12",
        ",",
        ".",
        "=",
        "<>",
        "<",
        ">=",
        "+",
        "-",
        " AND ",
        " or ",
        "NOT ",
        " between ",
        " in ",
        "size(",
        "contains(",
        "set ",
        "remove ",
        "add ",
        "delete ",
        "if_not_exists(",
        "!",
        "가",
        "\"",
        " ",
    ];
    let mut seed = 3u64;
    let mut accepted = 0;
    for _ in 0..30_000 {
        let mut text = String::new();
        for _ in 0..1 + seed % 12 {
            seed = seed.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            text.push_str(pieces[(seed >> 33) as usize % pieces.len()]);
        }
        for kind in [Condition, Update, Projection] {
            accepted += u32::from(fuzz_parse(kind, &text));
        }
    }
    assert!(accepted > 10, "{accepted}");
}

#[test]
fn key_conditions_have_a_simple_shape() {
    let given = json!({":a": {"S": "a"}, ":b": {"S": "b"}});
    let invalid = "Invalid operator used in KeyConditionExpression: ";
    let condition = "Invalid condition in KeyConditionExpression: ";
    let nested = "KeyConditionExpressions cannot contain nested operations";
    let one = "KeyConditionExpressions must only contain one condition per key";
    for (text, expected) in [
        ("pk = :a", "ok"),
        ("(pk = :a) and (sk between :a and :b)", "ok"),
        (":a = pk AND begins_with(sk, :b)", "ok"),
        ("a > :b and size(b) > c or a > c", &format!("{invalid}OR")),
        ("a in (b, size(c), d)", &format!("{invalid}IN")),
        ("attribute_exists(a)", &format!("{invalid}attribute_exists")),
        ("contains(a.d, b)", &format!("{invalid}contains")),
        ("not a > b", &format!("{invalid}NOT")),
        ("a <> b", &format!("{invalid}<>")),
        (
            ":a between size(b) and size(a)",
            &format!(
                "{condition}BETWEEN operator must have the key attribute as its first operand"
            ),
        ),
        (
            "begins_with(:a, b)",
            &format!(
                "{condition}begins_with operator must have the key attribute as its first operand"
            ),
        ),
        ("size(b) > a AND a.b > b", nested),
        ("a > size(b.d)", nested),
        ("b > a.b", &format!("{condition}Multiple attribute names used in one condition")),
        (
            "begins_with(a, b)",
            &format!("{condition}Multiple attribute names used in one condition"),
        ),
        ("b.d > a", "KeyConditionExpressions cannot have conditions on nested attributes"),
        (":b > :a AND a < :b", &format!("{condition}No key attribute specified")),
        ("b > :a AND b < :a and c = :a", one),
        ("a = :a and b = :b and c = :b", "Conditions can be of length 1 or 2 only"),
    ] {
        let bound = placeholders(&given).unwrap().condition(KeyCondition, text).unwrap();
        let got = match KeyConditions::new(&bound, 2) {
            Ok(_) => "ok".to_owned(),
            Err(problem) => problem.0,
        };
        assert_eq!(got, expected, "{text}");
    }
}
