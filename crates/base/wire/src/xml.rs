//! A small tree of an XML document. Document types are refused, so no entity of the sender's
//! is ever expanded; depth and number of elements are bounded.

use std::borrow::Cow;

use quick_xml::events::{BytesStart, Event};
use quick_xml::{Reader, XmlVersion};

use crate::ReadError;

/// Most elements and attributes of a document. The largest requests of S3 (ten thousand parts of
/// an upload) have fewer.
const MAX_NODES: usize = 200_000;

/// An element; namespace prefixes of element names are dropped.
#[derive(Debug, Default)]
pub(crate) struct Element<'a> {
    name: Cow<'a, str>,
    attributes: Vec<(String, String)>,
    children: Vec<Element<'a>>,
    /// All text directly in the element.
    pub text: Cow<'a, str>,
}

impl<'a> Element<'a> {
    /// Parses a document and returns its root.
    pub fn parse(document: &'a [u8]) -> Result<Element<'a>, ReadError> {
        let text = std::str::from_utf8(document)
            .map_err(|e| crate::error::syntax("The document is not UTF-8", e.valid_up_to()))?;
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        Parser { reader: Reader::from_str(text), nodes: 0 }.document()
    }

    pub fn children_named(&self, name: &str) -> impl Iterator<Item = &Element<'a>> {
        self.children.iter().filter(move |child| child.name == name)
    }

    pub fn has_children(&self) -> bool {
        !self.children.is_empty()
    }

    /// An attribute by its name as written, prefix included.
    pub fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    fn push_text(&mut self, text: Cow<'a, str>) {
        if self.text.is_empty() {
            self.text = text;
        } else {
            self.text.to_mut().push_str(&text);
        }
    }
}

struct Parser<'a> {
    reader: Reader<&'a [u8]>,
    nodes: usize,
}

impl<'a> Parser<'a> {
    fn document(mut self) -> Result<Element<'a>, ReadError> {
        // The document itself is the parent of the root.
        let mut open = vec![Element::default()];
        loop {
            let event = self.reader.read_event().map_err(|e| ReadError::Syntax(e.to_string()))?;
            let innermost = open.len() - 1;
            match event {
                Event::Start(tag) => {
                    if open.len() > shape::MAX_DEPTH {
                        return Err(ReadError::TooDeep);
                    }
                    open.push(self.element(&tag)?);
                }
                Event::Empty(tag) => {
                    let element = self.element(&tag)?;
                    open[innermost].children.push(element);
                }
                Event::End(_) if innermost > 0 => {
                    let element = open.pop().unwrap_or_default();
                    open[innermost - 1].children.push(element);
                }
                Event::End(_) => return Err(self.bad("An end tag too many")),
                Event::Text(text) => open[innermost].push_text(text.xml10_content()),
                Event::CData(text) => open[innermost].push_text(text.xml10_content()),
                Event::GeneralRef(reference) => {
                    let character =
                        reference.resolve_char_ref().map_err(|e| self.bad(&e.to_string()))?;
                    let text = match character {
                        Some(character) => Cow::Owned(character.to_string()),
                        None => quick_xml::escape::resolve_xml_entity(&reference)
                            .map(Cow::Borrowed)
                            .ok_or_else(|| self.bad("An unknown entity"))?,
                    };
                    open[innermost].push_text(text);
                }
                Event::DocType(_) => return Err(self.bad("A document type is not allowed")),
                Event::Comment(_) | Event::Decl(_) | Event::PI(_) => {}
                Event::Eof => break,
            }
        }
        let mut document = open.pop().unwrap_or_default();
        if !open.is_empty() {
            return Err(self.bad("An element has no end"));
        }
        if document.children.len() != 1 || !document.text.trim().is_empty() {
            return Err(self.bad("A document is one element"));
        }
        document.children.pop().ok_or_else(|| self.bad("A document is one element"))
    }

    fn element(&mut self, tag: &BytesStart<'a>) -> Result<Element<'a>, ReadError> {
        self.nodes += 1;
        let mut element = Element { name: local_name(tag), ..Element::default() };
        for attribute in tag.attributes() {
            let attribute = attribute.map_err(|e| self.bad(&e.to_string()))?;
            self.nodes += 1;
            let value = attribute
                .normalized_value(XmlVersion::Implicit1_0)
                .map_err(|e| self.bad(&e.to_string()))?;
            element.attributes.push((attribute.key.as_ref().to_owned(), value.into_owned()));
        }
        if self.nodes > MAX_NODES { Err(ReadError::TooLarge) } else { Ok(element) }
    }

    fn bad(&self, what: &str) -> ReadError {
        crate::error::syntax(what, usize::try_from(self.reader.buffer_position()).unwrap_or(0))
    }
}

fn local_name<'a>(tag: &BytesStart<'a>) -> Cow<'a, str> {
    Cow::Owned(tag.local_name().as_ref().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::{Expect, expect};

    fn check(document: &str, expected: Expect) {
        let text = match Element::parse(document.as_bytes()) {
            Ok(root) => print(&root),
            Err(error) => format!("error: {error}"),
        };
        expected.assert_eq(&text);
    }

    fn print(element: &Element) -> String {
        let children: Vec<String> = element.children.iter().map(print).collect();
        let attributes: Vec<String> =
            element.attributes.iter().map(|(k, v)| format!("@{k}={v:?} ")).collect();
        let (name, text) = (&element.name, element.text.trim());
        format!("{name}({}{text:?} {})", attributes.concat(), children.join(" "))
    }

    #[test]
    fn trees() {
        check(
            "<?xml version='1.0'?><a x='1&amp;2' p:y=\"\"><!-- c --><p:b>t&lt;&#x41;<![CDATA[<&]]></p:b><b/></a>\n",
            expect![[r#"a(@x="1&2" @p:y="" "" b("t<A<&" ) b("" ))"#]],
        );
    }

    #[test]
    fn hostile_documents() {
        check(
            "<!DOCTYPE a [<!ENTITY x \"y\">]><a>&x;</a>",
            expect!["error: A document type is not allowed at byte 30"],
        );
        check("<a>&x;</a>", expect!["error: An unknown entity at byte 6"]);
        check(
            "<a></b>",
            expect![[r#"error: ill-formed document: expected `</a>`, but `</b>` was found"#]],
        );
        check("<a>", expect!["error: An element has no end at byte 3"]);
        check("<a/><b/>", expect!["error: A document is one element at byte 8"]);
        check("text", expect!["error: A document is one element at byte 4"]);
        check("", expect!["error: A document is one element at byte 0"]);
        check(
            "<a>&#0;</a>",
            expect![
                "error: invalid character reference: 0x0 character is not permitted in XML at byte 7"
            ],
        );
        check(&"<a>".repeat(10_000), expect!["error: The request is nested too deeply"]);
        check(
            &format!("<a>{}</a>", "<b/>".repeat(MAX_NODES)),
            expect!["error: The request has too many elements"],
        );
    }
}
