//! `X-Amzn-Trace-Id`: who calls may say which trace an invocation belongs to; functions see it as
//! `_X_AMZN_TRACE_ID`, and callers get it back.

use kernel::Ctx;

/// A `Lineage` has a hop for each service that passed the request on.
const PART_BYTES_MAX: usize = 256;

/// The header a function gets: the caller's trace, if it names one, with what it leaves out. A
/// function that is traced by itself is sampled unless the caller says otherwise.
pub(crate) fn of(ctx: &Ctx, given: Option<&str>, traced: bool) -> String {
    let random = ctx.random();
    let given = Given::parse(given.unwrap_or_default());
    let root = given
        .root
        .map(str::to_owned)
        .unwrap_or_else(|| format!("1-{:08x}-{}", ctx.now().epoch_ms / 1000, random.hex(12)));
    let parent = given.parent.map(str::to_owned).unwrap_or_else(|| random.hex(8));
    // `?` leaves the decision to us.
    let sampled = given.sampled.unwrap_or(if traced { "1" } else { "0" });
    let lineage = given.lineage.map(|hops| format!(";Lineage={hops}")).unwrap_or_default();
    format!("Root={root};Parent={parent};Sampled={sampled}{lineage}")
}

/// What of a header is well formed; the rest is as if it were not there.
#[derive(Default)]
struct Given<'a> {
    root: Option<&'a str>,
    parent: Option<&'a str>,
    sampled: Option<&'a str>,
    lineage: Option<&'a str>,
}

impl Given<'_> {
    fn parse(text: &str) -> Given<'_> {
        let mut given = Given::default();
        for (name, value) in text.split(';').filter_map(|part| part.trim().split_once('=')) {
            if value.len() > PART_BYTES_MAX {
                continue;
            }
            match name.to_ascii_lowercase().as_str() {
                "root" if is_root(value) => given.root = Some(value),
                "parent" if is_hex(value, 16) => given.parent = Some(value),
                "sampled" if matches!(value, "0" | "1") => given.sampled = Some(value),
                "lineage"
                    if value.bytes().all(|b| b.is_ascii_alphanumeric() || b":|".contains(&b)) =>
                {
                    given.lineage = Some(value);
                }
                _ => {}
            }
        }
        // Without its trace, a parent means nothing.
        if given.root.is_none() {
            given.parent = None;
        }
        given
    }
}

/// `1-SECONDS-NUMBER`, in hexadecimal digits.
fn is_root(text: &str) -> bool {
    let mut parts = text.split('-');
    let [version, seconds, number, rest] = [(); 4].map(|()| parts.next());
    version == Some("1")
        && seconds.is_some_and(|text| is_hex(text, 8))
        && number.is_some_and(|text| is_hex(text, 24))
        && rest.is_none()
}

fn is_hex(text: &str, digits: usize) -> bool {
    text.len() == digits && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROOT: &str = "1-5759e988-bd862e3fe1be46a994272793";

    fn check(text: &str, expected: [Option<&str>; 4]) {
        let Given { root, parent, sampled, lineage } = Given::parse(text);
        assert_eq!([root, parent, sampled, lineage], expected, "{text}");
    }

    #[test]
    fn only_what_is_well_formed_is_taken_over() {
        let (root, parent) = (Some(ROOT), Some("53995c3f42cd8ad8"));
        check(
            &format!("Root={ROOT};Parent=53995c3f42cd8ad8;Sampled=1"),
            [root, parent, Some("1"), None],
        );
        check(&format!("root={ROOT}; sampled=0"), [root, None, Some("0"), None]);
        check(
            &format!("Self=1-2-3;Root={ROOT};Lineage=1:a87bd80c:0|68fd508a:5;Sampled=?"),
            [root, None, None, Some("1:a87bd80c:0|68fd508a:5")],
        );
        check("Root=1-5759e988-xyz;Parent=53995c3f42cd8ad8", [None; 4]);
        check(&format!("Root={ROOT}-1;Lineage=a\r\nb;Sampled=2;;=;"), [None; 4]);
        check("", [None; 4]);
    }
}
