//! XML 1.0 with namespaces, as far as signed documents need it: a tree of elements and texts.
//!
//! Nothing that makes XML dangerous is taken: no document type, no entity but the five of the
//! standard, no processing instruction. Comments are dropped, so that text around one is one text
//! (as it is for the digest of a signature).

use std::fmt;

/// Elements within elements.
const DEPTH_MAX: usize = 64;
/// Attributes and namespace declarations of one element.
const ATTRIBUTES_MAX: usize = 64;
const XML_NAMESPACE: &str = "http://www.w3.org/XML/1998/namespace";

/// The text is no such XML; with what is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct XmlError(pub &'static str);

impl fmt::Display for XmlError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

/// A document. Elements are known by their index; 0 is the root.
pub(crate) struct Document {
    elements: Vec<Element>,
}

/// An element as it was written, with the namespaces its names are in.
pub(crate) struct Element {
    pub prefix: String,
    pub local: String,
    /// Empty for none.
    pub namespace: String,
    pub attributes: Vec<Attribute>,
    /// Declarations on this element: prefix (empty: default) and namespace.
    pub declared: Vec<(String, String)>,
    pub children: Vec<Child>,
    pub parent: Option<usize>,
}

pub(crate) struct Attribute {
    pub prefix: String,
    pub local: String,
    pub namespace: String,
    pub value: String,
}

pub(crate) enum Child {
    Element(usize),
    Text(String),
}

impl Document {
    pub fn parse(text: &str) -> Result<Self, XmlError> {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let mut parser = Parser { rest: text, elements: Vec::new(), open: Vec::new() };
        parser.run()?;
        Ok(Document { elements: parser.elements })
    }

    pub fn get(&self, index: usize) -> &Element {
        &self.elements[index]
    }

    /// All elements, in the order of the document.
    pub fn all(&self) -> impl Iterator<Item = usize> {
        0..self.elements.len()
    }

    pub fn is(&self, index: usize, namespace: &str, local: &str) -> bool {
        let element = self.get(index);
        element.namespace == namespace && element.local == local
    }

    /// Child elements of that name.
    pub fn children<'a>(
        &'a self,
        index: usize,
        namespace: &'a str,
        local: &'a str,
    ) -> impl Iterator<Item = usize> + 'a {
        let children = self.get(index).children.iter().filter_map(|child| match child {
            Child::Element(index) => Some(*index),
            Child::Text(_) => None,
        });
        children.filter(move |child| self.is(*child, namespace, local))
    }

    /// The only child element of that name; `None` if there is none or another one.
    pub fn only(&self, index: usize, namespace: &str, local: &str) -> Option<usize> {
        let mut found = self.children(index, namespace, local);
        let first = found.next()?;
        found.next().is_none().then_some(first)
    }

    /// An attribute without namespace.
    pub fn attribute(&self, index: usize, local: &str) -> Option<&str> {
        let attributes = &self.get(index).attributes;
        let found = attributes.iter().find(|a| a.namespace.is_empty() && a.local == local);
        found.map(|attribute| attribute.value.as_str())
    }

    /// The text of an element that holds nothing else, without space around it.
    pub fn text(&self, index: usize) -> Option<String> {
        let mut all = String::new();
        for child in &self.get(index).children {
            match child {
                Child::Text(text) => all.push_str(text),
                Child::Element(_) => return None,
            }
        }
        Some(all.trim().to_owned())
    }

    /// The namespace that a prefix stands for at an element; empty for none.
    pub fn namespace_of(&self, index: usize, prefix: &str) -> &str {
        let mut at = Some(index);
        while let Some(index) = at {
            let element = self.get(index);
            if let Some((_, namespace)) = element.declared.iter().find(|(p, _)| p == prefix) {
                return namespace;
            }
            at = element.parent;
        }
        if prefix == "xml" { XML_NAMESPACE } else { "" }
    }
}

struct Parser<'a> {
    rest: &'a str,
    elements: Vec<Element>,
    open: Vec<(usize, &'a str)>,
}

impl<'a> Parser<'a> {
    fn run(&mut self) -> Result<(), XmlError> {
        if self.rest.starts_with("<?xml ") {
            self.until("?>", "an unfinished declaration")?;
        }
        while !self.rest.is_empty() {
            match self.rest.find('<') {
                Some(0) => self.markup()?,
                found => {
                    let (text, rest) = self.rest.split_at(found.unwrap_or(self.rest.len()));
                    self.rest = rest;
                    self.text(text)?;
                }
            }
        }
        match self.elements.is_empty() || !self.open.is_empty() {
            true => Err(XmlError("an unfinished document")),
            false => Ok(()),
        }
    }

    fn until(&mut self, end: &str, error: &'static str) -> Result<&'a str, XmlError> {
        let (inner, rest) = self.rest.split_once(end).ok_or(XmlError(error))?;
        self.rest = rest;
        Ok(inner)
    }

    fn markup(&mut self) -> Result<(), XmlError> {
        if let Some(rest) = self.rest.strip_prefix("<!--") {
            self.rest = rest;
            let comment = self.until("-->", "an unfinished comment")?;
            return if comment.contains("--") { Err(XmlError("a bad comment")) } else { Ok(()) };
        }
        if let Some(rest) = self.rest.strip_prefix("<![CDATA[") {
            self.rest = rest;
            let text = self.until("]]>", "unfinished character data")?;
            check_characters(text)?;
            return self.push_text(text.replace("\r\n", "\n").replace('\r', "\n"));
        }
        if self.rest.starts_with("<!") || self.rest.starts_with("<?") {
            return Err(XmlError("a document type or processing instruction"));
        }
        if let Some(rest) = self.rest.strip_prefix("</") {
            self.rest = rest;
            let name = self.until(">", "an unfinished tag")?.trim_end();
            return match self.open.pop() {
                Some((_, open)) if open == name => Ok(()),
                _ => Err(XmlError("tags that do not match")),
            };
        }
        self.rest = &self.rest[1..];
        self.start_tag()
    }

    fn text(&mut self, text: &str) -> Result<(), XmlError> {
        check_characters(text)?;
        if text.contains("]]>") {
            return Err(XmlError("]]> in a text"));
        }
        let text = text.replace("\r\n", "\n").replace('\r', "\n");
        self.push_text(resolve(&text)?)
    }

    fn push_text(&mut self, text: String) -> Result<(), XmlError> {
        let Some((open, _)) = self.open.last() else {
            let is_space = text.trim_matches([' ', '\t', '\r', '\n']).is_empty();
            return if is_space { Ok(()) } else { Err(XmlError("text outside of the root")) };
        };
        let children = &mut self.elements[*open].children;
        match children.last_mut() {
            Some(Child::Text(last)) => last.push_str(&text),
            _ => children.push(Child::Text(text)),
        }
        Ok(())
    }

    fn start_tag(&mut self) -> Result<(), XmlError> {
        let name = self.name()?;
        let mut raw: Vec<(&str, String)> = Vec::new();
        let is_empty = loop {
            let before = self.rest.len();
            self.rest = self.rest.trim_start_matches([' ', '\t', '\r', '\n']);
            if let Some(rest) = self.rest.strip_prefix("/>") {
                self.rest = rest;
                break true;
            }
            if let Some(rest) = self.rest.strip_prefix('>') {
                self.rest = rest;
                break false;
            }
            if before == self.rest.len() || raw.len() == ATTRIBUTES_MAX {
                return Err(XmlError("a bad tag"));
            }
            let attribute = self.attribute()?;
            if raw.iter().any(|(known, _)| *known == attribute.0) {
                return Err(XmlError("an attribute twice"));
            }
            raw.push(attribute);
        };
        self.open_element(name, raw)?;
        if is_empty {
            self.open.pop();
        }
        Ok(())
    }

    fn attribute(&mut self) -> Result<(&'a str, String), XmlError> {
        let name = self.name()?;
        let space = [' ', '\t', '\r', '\n'];
        let rest = self.rest.trim_start_matches(space).strip_prefix('=');
        let rest = rest.ok_or(XmlError("an attribute without value"))?.trim_start_matches(space);
        let quote = rest.chars().next().filter(|c| matches!(c, '"' | '\''));
        let quote = quote.ok_or(XmlError("an attribute without quotes"))?;
        let (value, rest) =
            rest[1..].split_once(quote).ok_or(XmlError("an unfinished attribute"))?;
        self.rest = rest;
        check_characters(value)?;
        if value.contains('<') {
            return Err(XmlError("< in an attribute"));
        }
        let value = value.replace("\r\n", " ").replace(['\t', '\r', '\n'], " ");
        Ok((name, resolve(&value)?))
    }

    fn name(&mut self) -> Result<&'a str, XmlError> {
        let fits = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | ':');
        let end = self.rest.find(|c: char| !fits(c)).unwrap_or(self.rest.len());
        let (name, rest) = self.rest.split_at(end);
        self.rest = rest;
        let starts = |part: &str| part.starts_with(|c: char| c.is_alphabetic() || c == '_');
        let parts = name.split(':').count();
        match parts <= 2 && name.split(':').all(starts) {
            true => Ok(name),
            false => Err(XmlError("a bad name")),
        }
    }

    fn open_element(&mut self, name: &'a str, raw: Vec<(&str, String)>) -> Result<(), XmlError> {
        if self.open.len() == DEPTH_MAX {
            return Err(XmlError("too deep"));
        }
        if self.open.is_empty() && !self.elements.is_empty() {
            return Err(XmlError("more than one root"));
        }
        let index = self.elements.len();
        let parent = self.open.last().map(|(parent, _)| *parent);
        if let Some(parent) = parent {
            self.elements[parent].children.push(Child::Element(index));
        }
        let mut declared = Vec::new();
        let mut others = Vec::new();
        for (name, value) in raw {
            match (name, name.strip_prefix("xmlns:")) {
                ("xmlns", _) => declared.push((String::new(), value)),
                (_, Some("xml" | "xmlns")) => return Err(XmlError("a reserved prefix")),
                (_, Some(_)) if value.is_empty() => return Err(XmlError("an empty namespace")),
                (_, Some(prefix)) => declared.push((prefix.to_owned(), value)),
                _ => others.push((name, value)),
            }
        }
        let (prefix, local) = split(name);
        self.elements.push(Element {
            prefix: prefix.to_owned(),
            local: local.to_owned(),
            namespace: String::new(),
            attributes: Vec::new(),
            declared,
            children: Vec::new(),
            parent,
        });
        self.open.push((index, name));
        self.elements[index].namespace = self.resolve_prefix(index, prefix)?;
        for (name, value) in others {
            let (prefix, local) = split(name);
            let namespace = match prefix {
                "" => String::new(),
                prefix => self.resolve_prefix(index, prefix)?,
            };
            let attributes = &mut self.elements[index].attributes;
            if attributes.iter().any(|a| a.namespace == namespace && a.local == local) {
                return Err(XmlError("an attribute twice"));
            }
            let (prefix, local) = (prefix.to_owned(), local.to_owned());
            attributes.push(Attribute { prefix, local, namespace, value });
        }
        Ok(())
    }

    fn resolve_prefix(&self, index: usize, prefix: &str) -> Result<String, XmlError> {
        let mut at = Some(index);
        while let Some(index) = at {
            let element = &self.elements[index];
            if let Some((_, namespace)) = element.declared.iter().find(|(p, _)| p == prefix) {
                return Ok(namespace.clone());
            }
            at = element.parent;
        }
        match prefix {
            "" => Ok(String::new()),
            "xml" => Ok(XML_NAMESPACE.to_owned()),
            _ => Err(XmlError("an unknown prefix")),
        }
    }
}

fn split(name: &str) -> (&str, &str) {
    name.split_once(':').unwrap_or(("", name))
}

/// Characters that XML 1.0 does not have.
fn check_characters(text: &str) -> Result<(), XmlError> {
    let is_bad = |c: char| matches!(c, '\0'..='\u{8}' | '\u{b}' | '\u{c}' | '\u{e}'..='\u{1f}' | '\u{fffe}' | '\u{ffff}');
    if text.contains(is_bad) { Err(XmlError("a character that XML has not")) } else { Ok(()) }
}

/// Resolves character references and the five entities.
fn resolve(text: &str) -> Result<String, XmlError> {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('&') {
        out.push_str(before);
        let (name, after) = after.split_once(';').ok_or(XmlError("an unfinished reference"))?;
        let number = |digits: &str, radix| u32::from_str_radix(digits, radix).ok();
        let c = match (name, name.strip_prefix("#x"), name.strip_prefix('#')) {
            ("amp", ..) => Some('&'),
            ("lt", ..) => Some('<'),
            ("gt", ..) => Some('>'),
            ("quot", ..) => Some('"'),
            ("apos", ..) => Some('\''),
            (_, Some(hex), _) => number(hex, 16).and_then(char::from_u32),
            (_, _, Some(decimal)) => number(decimal, 10).and_then(char::from_u32),
            _ => None,
        };
        let c = c.ok_or(XmlError("an unknown reference"))?;
        check_characters(c.encode_utf8(&mut [0; 4]))?;
        out.push(c);
        rest = after;
    }
    out.push_str(rest);
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn good_documents() {
        let text = "<?xml version=\"1.0\"?>\n<a:b xmlns:a='u:1' xmlns='u:2' x='&#65;\n&amp;'>\
            one<!-- x -->two<![CDATA[<3>]]><c a:y='z'/></a:b>\n";
        let document = Document::parse(text).unwrap();
        assert!(document.is(0, "u:1", "b") && document.is(1, "u:2", "c"));
        assert_eq!(document.attribute(0, "x"), Some("A &"));
        assert_eq!(document.get(1).attributes[0].namespace, "u:1");
        assert_eq!(document.text(0), None);
        assert!(matches!(&document.get(0).children[0], Child::Text(t) if t == "onetwo<3>"));
        assert_eq!(document.only(0, "u:2", "c"), Some(1));
    }

    #[test]
    fn bad_documents() {
        let deep = "<a>".repeat(65);
        let many: String = (0..65).map(|i| format!(" a{i}='1'")).collect();
        for bad in [
            "",
            " ",
            "x",
            "<a>",
            "<a></b>",
            "<a/><b/>",
            "<a/>x",
            "</a>",
            "<a b></a>",
            "<a b=c/>",
            "<a b='1' b='2'/>",
            "<a b='1'c='2'/>",
            "<a b='<'/>",
            "<p:a/>",
            "<a p:b='1'/>",
            "<a:b:c xmlns:a='u'/>",
            "<a xmlns:p='u' xmlns:q='u' p:x='1' q:x='2'/>",
            "<a xmlns:xml='u'/>",
            "<a xmlns:p=''/>",
            "<a>&x;</a>",
            "<a>&#0;</a>",
            "<a>&#xD800;</a>",
            "<a>&amp</a>",
            "<a>\u{1}</a>",
            "<a>]]></a>",
            "<!DOCTYPE a><a/>",
            "<!DOCTYPE a [<!ENTITY x 'y'>]><a>&x;</a>",
            "<a><?x?></a>",
            "<a><!-- -- --></a>",
            "<a><![CDATA[x</a>",
            "<1a/>",
            &deep,
            &format!("<a{many}/>"),
        ] {
            assert!(Document::parse(bad).is_err(), "{bad}");
        }
    }
}
