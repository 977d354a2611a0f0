//! The words of PartiQL, which stand for an attribute or a table only in double quotes.
//!
//! Those of SQL-92 and those that PartiQL adds, as its reference implementation has them, which
//! DynamoDB uses; but DynamoDB takes `only` for a name.

/// Sorted.
#[rustfmt::skip]
const KEYWORDS: [&str; 251] = [
    "absolute", "action", "add", "all", "allocate", "alter", "and", "any", "are", "as", "asc",
    "assertion", "at", "authorization", "avg", "bag", "begin", "between", "bigint", "bit",
    "bit_length", "blob", "bool", "boolean", "by", "can_cast", "can_lossless_cast", "cascade",
    "cascaded", "case", "cast", "catalog", "char", "char_length", "character", "character_length",
    "check", "clob", "close", "coalesce", "collate", "collation", "column", "commit", "conflict",
    "connect", "connection", "constraint", "constraints", "continue", "convert", "corresponding",
    "count", "create", "cross", "current", "current_date", "current_time", "current_timestamp",
    "current_user", "cursor", "date", "date_add", "date_diff", "deallocate", "dec", "decimal",
    "declare", "default", "deferrable", "deferred", "delete", "desc", "describe", "descriptor",
    "diagnostics", "disconnect", "distinct", "do", "domain", "double", "drop", "else", "end",
    "escape", "except", "exception", "exec", "execute", "exists", "external", "extract", "false",
    "fetch", "first", "float", "for", "foreign", "found", "from", "full", "get", "global", "go",
    "goto", "grant", "group", "having", "identity", "immediate", "in", "index", "indicator",
    "initially", "inner", "input", "insensitive", "insert", "int", "int2", "int4", "int8",
    "integer", "integer2", "integer4", "integer8", "intersect", "interval", "into", "is",
    "isolation", "join", "key", "language", "last", "left", "let", "level", "like", "limit", "list",
    "local", "lower", "match", "max", "min", "missing", "modified", "module", "names", "national",
    "natural", "nchar", "new", "next", "no", "not", "nothing", "null", "nullif", "numeric",
    "octet_length", "of", "offset", "old", "on", "open", "option", "or", "order", "outer", "output",
    "overlaps", "pad", "partial", "pivot", "position", "precision", "prepare", "preserve",
    "primary", "prior", "privileges", "procedure", "public", "read", "real", "references",
    "relative", "remove", "restrict", "returning", "revoke", "right", "rollback", "rows", "schema",
    "scroll", "section", "select", "session", "session_user", "set", "sexp", "size", "smallint",
    "some", "space", "sql", "sqlcode", "sqlerror", "sqlstate", "string", "struct", "substring",
    "sum", "symbol", "system_user", "table", "temporary", "then", "time", "timestamp", "to",
    "transaction", "translate", "translation", "trim", "true", "tuple", "union", "unique",
    "unknown", "unpivot", "update", "upper", "usage", "user", "using", "value", "values", "varchar",
    "varying", "view", "when", "whenever", "where", "with", "work", "write", "zone",
];

/// The keyword that `word` is, in whatever case.
pub(super) fn keyword(word: &str) -> Option<&'static str> {
    let lower = word.to_ascii_lowercase();
    KEYWORDS.binary_search(&lower.as_str()).ok().map(|at| KEYWORDS[at])
}

/// Keywords that are names of functions where a parenthesis follows.
pub(super) fn is_function(keyword: &str) -> bool {
    matches!(
        keyword,
        "exists"
            | "count"
            | "avg"
            | "max"
            | "min"
            | "sum"
            | "substring"
            | "char_length"
            | "character_length"
            | "octet_length"
            | "bit_length"
            | "upper"
            | "lower"
            | "size"
            | "trim"
            | "extract"
            | "date_add"
            | "date_diff"
            | "cast"
            | "coalesce"
            | "nullif"
            | "position"
            | "convert"
            | "sexp"
            | "list"
            | "bag"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn are_sorted() {
        assert!(KEYWORDS.is_sorted_by(|a, b| a < b));
    }

    #[test]
    fn have_no_case() {
        assert_eq!(keyword("SeLect"), Some("select"));
        assert_eq!(keyword("artist"), None);
    }
}
