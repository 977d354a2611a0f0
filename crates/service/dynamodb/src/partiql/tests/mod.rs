//! What statements are accepted, and what is said of the others.

use std::sync::Arc;

use super::parse;
use crate::value::Value;

/// Parses and binds; the parameters are all the string `p`.
fn bind(statement: &str) -> Result<(), String> {
    let parsed = parse(statement).map_err(|problem| problem.0)?;
    let parameter = Arc::new(Value::S("p".to_owned()));
    let parameters = std::iter::repeat_n(parameter, parsed.parameters).collect();
    let bound = parsed.bind(parameters).map_err(|problem| problem.0)?;
    bound.check_write().map_err(|problem| problem.0)
}

fn check(cases: &[(&str, &str)]) {
    for (statement, expected) in cases {
        let got = bind(statement).err().unwrap_or_default();
        assert_eq!(got, *expected, "{statement}");
    }
}

#[test]
fn accepted() {
    let statements = [
        "select * from Music",
        "SELECT * FROM \"Music\";",
        "SELECT * FROM Music -- all of it\n WHERE Artist = 'A' -- of one",
        "SELECT/**/Artist, Awards[0].\"Year\"['of'] FROM \"Music\".\"by-year\"",
        "SELECT * FROM t WHERE a = 'it''s' AND \"a\"\"b\" <> 1 AND c != 2",
        "SELECT * FROM t WHERE a IN (1, 2) AND b IN [?, 3] AND NOT c IN [4] AND d NOT IN [5]",
        "SELECT * FROM t WHERE a BETWEEN - 1 AND +2 AND b NOT BETWEEN 1 AND 2",
        "SELECT * FROM t WHERE a IS MISSING OR b IS NOT MISSING OR c IS NULL OR d IS NOT NULL",
        "SELECT * FROM t WHERE a = MISSING OR MISSING <> b",
        "SELECT * FROM t WHERE attribute_exists(a) AND BEGINS_WITH(b, 'x') AND Contains(c, 1)",
        "SELECT * FROM t WHERE attribute_type(a, 'SS') AND size(b) > 1 AND SIZE (c) = size(d)",
        "SELECT * FROM t WHERE (attribute_exists(a) = true) <> (b = 1)",
        "SELECT * FROM t WHERE a = {'b': [1, <<'x'>>, null, true]} AND c = <<1, 2.5, 1e3>>",
        "SELECT * FROM t WHERE a = 1 ORDER BY a DESC, b ASC, c",
        "INSERT INTO t VALUE {'a': ?, 'b': .5, 'c': -0, 'd': {}, 'e': []}",
        "UPDATE t SET a = 1, b.c[0] = b.d SET d = d + 1 REMOVE e REMOVE f[1] WHERE k = 1",
        "UPDATE t SET a = list_append(a, [1]) SET b = set_add(b, <<1>>) WHERE k = 1",
        "UPDATE t SET a=a-1 WHERE k = 1 RETURNING MODIFIED OLD *",
        "DELETE FROM t WHERE k = 1 RETURNING ALL OLD *",
        "EXISTS(SELECT * FROM t WHERE k = 1 AND a IS MISSING)",
    ];
    for statement in statements {
        assert_eq!(bind(statement), Ok(()), "{statement}");
    }
}

#[test]
fn not_well_formed() {
    let cases = [
        ("SLECT * FROM t", "Expected data manipulation"),
        ("", "Expected data manipulation"),
        ("CREATE TABLE t", "Expected data manipulation"),
        ("UPDATE Payment-x SET a = 1", "Expected data manipulation"),
        ("SELECT *", "Expected FROM after SELECT list"),
        (
            "SELECT *, a FROM t",
            "Other expressions may not be present in the select list \
                                when '*' is used without dot notation.",
        ),
        ("SELECT * FROM t WHERE", "Unexpected term"),
        ("SELECT * FROM t WHERE a =", "Missing right-hand side expression of infix operator"),
        ("SELECT * FROM t WHERE a = 1 garbage", "Unexpected token after expression"),
        ("SELECT * FROM t WHERE (a = 1", "Expected RIGHT_PAREN"),
        ("SELECT * FROM t WHERE a IN [1", "Expected RIGHT_BRACKET"),
        ("SELECT * FROM t WHERE a BETWEEN 1", "Expected AND"),
        ("SELECT * FROM t WHERE a.inner = 1", "Invalid path dot component"),
        ("SELECT * FROM t WHERE date = 1", "Unexpected keyword"),
        ("SELECT * FROM user", "Unexpected keyword"),
        ("SELECT * FROM t WHERE a IS 1", "Expected type name"),
        ("SELECT * FROM \"t", ""),
        ("SELECT * FROM t WHERE a = 'b", ""),
        ("SELECT * FROM t /* open", ""),
        ("SELECT * FROM t WHERE a = 1e99999999999", ""),
        ("SELECT * FROM t WHERE a = `2020T`", ""),
        ("INSERT INTO t (key, b) VALUES (?, ?)", "Unexpected keyword"),
        ("INSERT t VALUE {}", "Unexpected keyword"),
        ("INSERT INTO t VALUE {'a' 1}", "Expected COLON"),
        ("UPDATE t SET WHERE k = 1", "Expected identifier for simple path"),
        ("UPDATE t SET a 1 WHERE k = 1", "Expected '='"),
        ("DELETE t WHERE k = 1", "Expected FROM after DELETE"),
        ("DELETE FROM t WHERE k = 1 RETURNING OLD *", "Expected ALL"),
    ];
    for (statement, expected) in cases {
        let expected = format!("Statement wasn't well formed, can't be processed: {expected}");
        assert_eq!(bind(statement), Err(expected), "{statement}");
    }
}

#[test]
fn refused() {
    check(&[
        ("SELECT COUNT(*) FROM t", "Unexpected path component at 1:8:5"),
        ("SELECT\n  a, size(b) FROM t", "Unexpected path component at 2:6:4"),
        (
            "SELECT l[-1] FROM t",
            "List index is not within the allowable range; index: [-1] at 1:11:1",
        ),
        ("SELECT l[-0] FROM t", ""),
        ("SELECT * FROM \"\"", "Path component cannot be an empty string"),
        ("SELECT * FROM t.\"\"", "Path component cannot be an empty string"),
        ("SELECT * FROM t.i.x", "A path may contain at most 2 components in the FROM clause"),
        ("SELECT * FROM t, u", "Only select from a single table or index is supported."),
        ("SELECT * FROM t WHERE a = 1 LIMIT 5", "Unsupported clause: LIMIT at 1:29:5"),
        (
            "INSERT INTO \"t\".i VALUE {}",
            "FROM clause may only contain a single table name in data manipulation statements \
             at 1:13:3",
        ),
        ("UPDATE t.i SET a = 1 WHERE k = 1", "This operation is not supported on an index"),
        ("DELETE FROM t.i WHERE k = 1", "This operation is not supported on an index"),
        (
            "DELETE FROM t WHERE k = 1 RETURNING MODIFIED NEW *",
            "Invalid returning clause: RETURNING MODIFIED NEW *. \
             Only RETURNING ALL OLD * is allowed in DELETE statements.",
        ),
    ]);
}

#[test]
fn refused_functions() {
    let path = "Operator or function requires a document path; operator or function:";
    let count = "Incorrect number of operands for operator or function; operator or function:";
    let wrong = "Incorrect operand type for operator or function; operator or function:";
    check(&[
        ("SELECT * FROM t WHERE EXISTS(a)", "Unrecognized function: exists at 1:23:6"),
        ("SELECT * FROM t WHERE f(a)", "Unrecognized function: f at 1:23:1"),
        ("SELECT * FROM t WHERE attribute_exists('a')", &format!("{path} attribute_exists")),
        ("SELECT * FROM t WHERE attribute_exists(?)", &format!("{path} attribute_exists")),
        (
            "SELECT * FROM t WHERE attribute_exists()",
            &format!("{count} attribute_exists, number of operands: 0"),
        ),
        (
            "SELECT * FROM t WHERE begins_with(a, 'b', c)",
            &format!("{count} begins_with, number of operands: 3"),
        ),
        (
            "SELECT * FROM t WHERE begins_with(a, 1)",
            &format!("{wrong} begins_with, operand type: N"),
        ),
        ("SELECT * FROM t WHERE size(1) > 0", &format!("{wrong} size, operand type: N")),
        ("SELECT * FROM t WHERE a < true", &format!("{wrong} <, operand type: BOOL")),
        (
            "SELECT * FROM t WHERE attribute_exists(a) > 1",
            &format!("{wrong} >, operand type: BOOL"),
        ),
        (
            "SELECT * FROM t WHERE a BETWEEN null AND 2",
            &format!("{wrong} BETWEEN, operand type: NULL"),
        ),
        (
            "SELECT * FROM t WHERE attribute_type(a, true)",
            &format!("{wrong} attribute_type, operand type: BOOL"),
        ),
        (
            "SELECT * FROM t WHERE attribute_type(a, 'X')",
            "Invalid attribute type name found; type: X, valid types: {N,BS,L,B,NULL,M,S,SS,NS,BOOL}",
        ),
        ("UPDATE t SET n = 'a' + 1 WHERE k = 1", &format!("{wrong} +, operand type: S")),
        ("UPDATE t SET n = n - null WHERE k = 1", &format!("{wrong} -, operand type: NULL")),
        (
            "UPDATE t SET n = list_append(n, 1) WHERE k = 1",
            &format!("{wrong} list_append, operand type: N"),
        ),
    ]);
    let many: Vec<String> = (0..101).map(|i| i.to_string()).collect();
    let statement = format!("SELECT * FROM t WHERE a IN [{}]", many.join(","));
    let problem = "The IN operator is provided with too many operands; number of operands: 101";
    check(&[(&statement, problem)]);
}

#[test]
fn refused_sets() {
    let first = "The first argument to SET_ADD must equal the assignment value";
    let second = "The second argument to SET_ADD must be a value with type SET";
    let duplicates = "One or more parameter values were invalid: Input collection";
    check(&[
        ("UPDATE t SET a = set_add(b, <<1>>) WHERE k = 1", &format!("{first} at 1:18:7")),
        ("UPDATE t SET a = set_add(<<1>>, <<1>>) WHERE k = 1", &format!("{first} at 1:18:7")),
        ("UPDATE t\nSET \"ab\" = set_add(\"ab\", 'x') WHERE k = 1", &format!("{second} at 2:20:4")),
        ("UPDATE t SET a = set_add(a, [1]) WHERE k = 1", &format!("{second} at 1:26:1")),
        (
            "UPDATE t SET a = set_add(a) WHERE k = 1",
            "SET_ADD must have exactly two arguments at 1:18:7",
        ),
        ("UPDATE t SET a = set_add(a, <<>>) WHERE k = 1", "Empty bags are not supported"),
        (
            "UPDATE t SET a = <<'b', 'b'>> WHERE k = 1",
            &format!("{duplicates} [b, b] contains duplicates."),
        ),
        (
            "UPDATE t SET a = [<<2, 2.0>>] WHERE k = 1",
            &format!("{duplicates} [2, 2.0] contains duplicates! under root[0]"),
        ),
        (
            "INSERT INTO t VALUE {'a': <<1, 'a'>>}",
            "Unsupported data type in Bag. DynamoDB only supports either numbers or strings in bags",
        ),
        (
            "INSERT INTO t VALUE {'a': set_add(b, <<1>>)}",
            "Unsupported data type: set_add under key root at 1:27:7",
        ),
        (
            "INSERT INTO t VALUE {'a': {'b': ?}}",
            "Unsupported data type: Parameter under key root.b at 1:33:1",
        ),
        (
            "UPDATE t SET a = [?] WHERE k = 1",
            "Unsupported data type: Parameter under key root[0] at 1:19:1",
        ),
        (
            "UPDATE t SET a = 1, a.b = 2 WHERE k = 1",
            "Two document paths overlap with each other; must remove or rewrite one of these paths; \
             path one: [a], path two: [a, b]",
        ),
    ]);
}

#[test]
fn nesting_is_bounded() {
    let problem = "Nesting Levels have exceeded supported limits under root";
    let maps = |levels: usize| {
        let (open, close) = ("{'a':".repeat(levels), "}".repeat(levels));
        format!("UPDATE t SET d = {open}1{close} WHERE k = 1")
    };
    assert_eq!(bind(&maps(31)), Ok(()));
    assert_eq!(bind(&maps(32)), Err(format!("{problem}{}", ".a".repeat(32))));
    let too_deep =
        "Statement wasn't well formed, can't be processed: Expression is nested too deep"
            .to_owned();
    for (open, inner, close) in [
        ("(", "a = 1", ")"),
        ("NOT ", "a = 1", ""),
        ("[", "1", "]"),
        ("a = ", "1", ""),
        ("a + ", "1", ""),
        ("size(", "a", ")"),
        ("a[", "1", "]"),
        ("EXISTS(SELECT a FROM t WHERE ", "a = 1", ")"),
        ("a BETWEEN 1 AND ", "1", ""),
    ] {
        let levels = 8000 / (open.len() + close.len());
        let nested = format!("{}{inner}{}", open.repeat(levels), close.repeat(levels));
        let statement = format!("SELECT * FROM t WHERE {nested}");
        assert_eq!(bind(&statement), Err(too_deep.clone()), "{open}");
    }
    // Long is not deep.
    let long = vec!["a = 1"; 800].join(" AND ");
    assert_eq!(bind(&format!("SELECT * FROM t WHERE {long}")), Ok(()));
}

#[test]
fn parameters_are_counted() {
    let problem = "Number of parameters in request and statement don't match.";
    let parsed = parse("SELECT * FROM t WHERE a = ? AND b = '?' -- ?").unwrap();
    assert_eq!(parsed.bind(Vec::new()).err().unwrap().0, problem);
}
