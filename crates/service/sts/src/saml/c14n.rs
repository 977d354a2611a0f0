//! Exclusive XML Canonicalization 1.0, without comments
//! (<https://www.w3.org/TR/xml-exc-c14n/>).

use super::xml::{Child, Document};

/// Writes an element and what it holds, but for the element `without`. Prefixes in `inclusive` are
/// treated as Canonical XML treats all; `#default` is the empty one.
pub(crate) fn canonical(
    document: &Document,
    index: usize,
    without: Option<usize>,
    inclusive: &[String],
) -> Vec<u8> {
    let mut out = Vec::new();
    let mut writer = Writer { document, without, inclusive, out: &mut out };
    writer.element(index, &[]);
    out
}

struct Writer<'a> {
    document: &'a Document,
    without: Option<usize>,
    inclusive: &'a [String],
    out: &'a mut Vec<u8>,
}

impl Writer<'_> {
    /// `rendered` are the namespaces that ancestors have written, the nearest last.
    fn element(&mut self, index: usize, rendered: &[(String, String)]) {
        let element = self.document.get(index);
        let mut used: Vec<&str> = vec![&element.prefix];
        let prefixes = element.attributes.iter().map(|a| a.prefix.as_str());
        used.extend(prefixes.filter(|prefix| !prefix.is_empty()));
        for prefix in self.inclusive {
            let prefix = if prefix == "#default" { "" } else { prefix.as_str() };
            if !self.document.namespace_of(index, prefix).is_empty() {
                used.push(prefix);
            }
        }
        used.sort_unstable();
        used.dedup();
        let mut rendered = rendered.to_vec();
        let name = qualified(&element.prefix, &element.local);
        self.out.push(b'<');
        self.out.extend_from_slice(name.as_bytes());
        for prefix in used.into_iter().filter(|prefix| *prefix != "xml") {
            let namespace = self.document.namespace_of(index, prefix);
            let known = rendered.iter().rev().find(|(p, _)| p == prefix);
            if known.map_or("", |(_, namespace)| namespace) == namespace {
                continue;
            }
            self.out.extend_from_slice(b" xmlns");
            if !prefix.is_empty() {
                self.out.push(b':');
                self.out.extend_from_slice(prefix.as_bytes());
            }
            self.value(namespace);
            rendered.push((prefix.to_owned(), namespace.to_owned()));
        }
        let mut attributes: Vec<_> = element.attributes.iter().collect();
        attributes.sort_by(|a, b| (&a.namespace, &a.local).cmp(&(&b.namespace, &b.local)));
        for attribute in attributes {
            self.out.push(b' ');
            let name = qualified(&attribute.prefix, &attribute.local);
            self.out.extend_from_slice(name.as_bytes());
            self.value(&attribute.value);
        }
        self.out.push(b'>');
        for child in &element.children {
            match child {
                Child::Element(child) if Some(*child) == self.without => {}
                Child::Element(child) => self.element(*child, &rendered),
                Child::Text(text) => self.text(text),
            }
        }
        self.out.extend_from_slice(b"</");
        self.out.extend_from_slice(name.as_bytes());
        self.out.push(b'>');
    }

    fn value(&mut self, value: &str) {
        self.out.extend_from_slice(b"=\"");
        for byte in value.bytes() {
            match byte {
                b'&' => self.out.extend_from_slice(b"&amp;"),
                b'<' => self.out.extend_from_slice(b"&lt;"),
                b'"' => self.out.extend_from_slice(b"&quot;"),
                b'\t' => self.out.extend_from_slice(b"&#x9;"),
                b'\n' => self.out.extend_from_slice(b"&#xA;"),
                b'\r' => self.out.extend_from_slice(b"&#xD;"),
                byte => self.out.push(byte),
            }
        }
        self.out.push(b'"');
    }

    fn text(&mut self, text: &str) {
        for byte in text.bytes() {
            match byte {
                b'&' => self.out.extend_from_slice(b"&amp;"),
                b'<' => self.out.extend_from_slice(b"&lt;"),
                b'>' => self.out.extend_from_slice(b"&gt;"),
                b'\r' => self.out.extend_from_slice(b"&#xD;"),
                byte => self.out.push(byte),
            }
        }
    }
}

fn qualified(prefix: &str, local: &str) -> String {
    if prefix.is_empty() { local.to_owned() } else { format!("{prefix}:{local}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, local: &str, inclusive: &[&str], expected: &str) {
        let document = Document::parse(text).unwrap();
        let index = document.all().find(|index| document.get(*index).local == local).unwrap();
        let inclusive: Vec<String> = inclusive.iter().map(|p| p.to_string()).collect();
        let found = canonical(&document, index, None, &inclusive);
        assert_eq!(String::from_utf8(found).unwrap(), expected);
    }

    #[test]
    fn examples() {
        // The example of the recommendation, §2.2.
        let text = r#"<n0:pdu xmlns:n1="http://b.example" xmlns:n0="http://a.example" xml:lang="fr"><n1:elem2 xmlns:n1="http://example.net" xml:lang="en"><n3:stuff xmlns:n3="ftp://example.org"/></n1:elem2></n0:pdu>"#;
        let expected = r#"<n1:elem2 xmlns:n1="http://example.net" xml:lang="en"><n3:stuff xmlns:n3="ftp://example.org"></n3:stuff></n1:elem2>"#;
        check(text, "elem2", &[], expected);
        let inclusive = r#"<n1:elem2 xmlns:n0="http://a.example" xmlns:n1="http://example.net" xml:lang="en"><n3:stuff xmlns:n3="ftp://example.org"></n3:stuff></n1:elem2>"#;
        check(text, "elem2", &["n0", "n9"], inclusive);
    }

    #[test]
    fn details() {
        check("<a><b  y='2'   x='1' /></a>", "a", &[], r#"<a><b x="1" y="2"></b></a>"#);
        check("<a xmlns='u'><b xmlns=''/></a>", "a", &[], r#"<a xmlns="u"><b xmlns=""></b></a>"#);
        check("<a xmlns='u'><b xmlns='u'/></a>", "b", &[], r#"<b xmlns="u"></b>"#);
        check("<a>&lt;&gt;&amp;\"&#13;\r\n</a>", "a", &[], "<a>&lt;&gt;&amp;\"&#xD;\n</a>");
        check(
            "<a x='&lt;>&quot;&#9;&#10;&#13;'/>",
            "a",
            &[],
            r#"<a x="&lt;>&quot;&#x9;&#xA;&#xD;"></a>"#,
        );
        check(
            "<a xmlns:z='u:1' xmlns:y='u:2' y:b='1' z:b='2' b='3'/>",
            "a",
            &[],
            r#"<a xmlns:y="u:2" xmlns:z="u:1" b="3" z:b="2" y:b="1"></a>"#,
        );
        check(
            "<p:a xmlns:p='u'><b><p:c/></b></p:a>",
            "b",
            &[],
            r#"<b><p:c xmlns:p="u"></p:c></b>"#,
        );
    }
}
