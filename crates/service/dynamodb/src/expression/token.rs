//! Cuts an expression into tokens.

/// Kinds of token. Keywords are keywords in every kind of expression.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Kind {
    /// A name written out.
    Name,
    /// `#name`.
    NamePlaceholder,
    /// `:value`.
    ValuePlaceholder,
    Integer,
    And,
    Or,
    Not,
    Between,
    In,
    Set,
    Remove,
    Add,
    Delete,
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    Open,
    Close,
    OpenBracket,
    CloseBracket,
    Comma,
    Dot,
    Plus,
    Minus,
    /// A character that begins no token.
    Bad,
    End,
}

impl Kind {
    pub(super) fn is_comparator(self) -> bool {
        use Kind::*;
        matches!(self, Equal | NotEqual | Less | LessOrEqual | Greater | GreaterOrEqual)
    }

    /// Whether it takes part in a condition above its operands.
    pub(super) fn is_condition_operator(self) -> bool {
        use Kind::*;
        self.is_comparator() || matches!(self, And | Or | Not | Between | In)
    }
}

/// A token and where it stands in the text, in bytes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Token {
    pub kind: Kind,
    pub start: usize,
    pub end: usize,
}

/// The tokens of a text, an [`Kind::End`] last.
pub(super) fn tokens(text: &str) -> Vec<Token> {
    let bytes = text.as_bytes();
    let mut tokens = Vec::with_capacity(text.len() / 3 + 2);
    let mut at = 0;
    while at < bytes.len() {
        if matches!(bytes[at], b' ' | b'\t' | b'\n' | b'\r') {
            at += 1;
            continue;
        }
        let (kind, length) = token(&bytes[at..]);
        let end = at + length.max(1);
        let end = (end..=bytes.len()).find(|&end| text.is_char_boundary(end)).unwrap_or(end);
        tokens.push(Token { kind, start: at, end });
        at = end;
    }
    tokens.push(Token { kind: Kind::End, start: bytes.len(), end: bytes.len() });
    tokens
}

/// The kind and length of the token that `rest` begins with.
fn token(rest: &[u8]) -> (Kind, usize) {
    let first = rest[0];
    let word = |from: usize| {
        from + rest[from..].iter().take_while(|b| b.is_ascii_alphanumeric() || **b == b'_').count()
    };
    match first {
        b'a'..=b'z' | b'A'..=b'Z' => {
            let end = word(1);
            (keyword(&rest[..end]).unwrap_or(Kind::Name), end)
        }
        b'#' | b':' => {
            let end = word(1);
            match (first, end) {
                (_, 1) => (Kind::Bad, 1),
                (b'#', _) => (Kind::NamePlaceholder, end),
                _ => (Kind::ValuePlaceholder, end),
            }
        }
        b'0' => (Kind::Integer, 1),
        b'1'..=b'9' => (Kind::Integer, rest.iter().take_while(|b| b.is_ascii_digit()).count()),
        _ => symbol(first, rest.get(1).copied()),
    }
}

fn symbol(first: u8, second: Option<u8>) -> (Kind, usize) {
    match (first, second) {
        (b'<', Some(b'>')) => (Kind::NotEqual, 2),
        (b'<', Some(b'=')) => (Kind::LessOrEqual, 2),
        (b'>', Some(b'=')) => (Kind::GreaterOrEqual, 2),
        (b'<', _) => (Kind::Less, 1),
        (b'>', _) => (Kind::Greater, 1),
        (b'=', _) => (Kind::Equal, 1),
        (b'(', _) => (Kind::Open, 1),
        (b')', _) => (Kind::Close, 1),
        (b'[', _) => (Kind::OpenBracket, 1),
        (b']', _) => (Kind::CloseBracket, 1),
        (b',', _) => (Kind::Comma, 1),
        (b'.', _) => (Kind::Dot, 1),
        (b'+', _) => (Kind::Plus, 1),
        (b'-', _) => (Kind::Minus, 1),
        _ => (Kind::Bad, 1),
    }
}

fn keyword(word: &[u8]) -> Option<Kind> {
    const KEYWORDS: [(&[u8], Kind); 9] = [
        (b"AND", Kind::And),
        (b"OR", Kind::Or),
        (b"NOT", Kind::Not),
        (b"BETWEEN", Kind::Between),
        (b"IN", Kind::In),
        (b"SET", Kind::Set),
        (b"REMOVE", Kind::Remove),
        (b"ADD", Kind::Add),
        (b"DELETE", Kind::Delete),
    ];
    KEYWORDS.iter().find(|(name, _)| name.eq_ignore_ascii_case(word)).map(|&(_, kind)| kind)
}
