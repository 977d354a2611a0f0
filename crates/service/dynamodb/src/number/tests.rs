//! What numbers are read, written, compared and added as.

use super::Number;

fn number(text: &str) -> Number {
    Number::parse(text).unwrap_or_else(|problem| panic!("{text}: {problem}"))
}

#[test]
fn texts_become_canonical() {
    for (text, canonical) in [
        ("1", "1"),
        ("-5", "-5"),
        ("0", "0"),
        ("1000", "1000"),
        ("007", "7"),
        ("+1.5", "1.5"),
        ("1.10", "1.1"),
        ("100.000", "100"),
        ("0.10", "0.1"),
        ("1e3", "1000"),
        ("1E+3", "1000"),
        ("-3e2", "-300"),
        ("123e-2", "1.23"),
        ("1.23e-1", "0.123"),
        ("-0.0", "0"),
        ("0e500", "0"),
        (".5", "0.5"),
        ("5.", "5"),
        ("-.5", "-0.5"),
        ("1e-20", "0.00000000000000000001"),
        ("3.1415926535897932384626433832795028841", "3.1415926535897932384626433832795028841"),
    ] {
        assert_eq!(number(text).to_string(), canonical, "{text}");
    }
    assert_eq!(number("1e125").to_string(), format!("1{}", "0".repeat(125)));
    assert_eq!(number("1E-130").to_string(), format!("0.{}1", "0".repeat(129)));
    assert_eq!(number(&format!("{}1{}", "0".repeat(500), "0".repeat(100))), number("1e100"));
}

#[test]
fn the_quick_text_is_the_text() {
    for text in [
        "0",
        "7",
        "-7",
        "10",
        "1000000000",
        "10000000000",
        "1e19",
        "18446744073709551615",
        "18446744073709551616",
        "18446744073709551610",
        "1.5",
        "-0.25",
        "1e125",
        "1E-130",
        "99999999999999999999999999999999999999",
    ] {
        let number = number(text);
        let (mut out, mut key) = (Vec::new(), Vec::new());
        number.push_text(&mut out);
        assert_eq!(String::from_utf8(out).unwrap(), number.to_string());
        number.write_key(&mut key);
        assert_eq!(Number::key_length(&key), Some(key.len()), "{text}");
        assert_eq!(Number::key_length(&key[..key.len() - 1]), None, "{text}");
        key.extend_from_slice(b"more");
        assert_eq!(Number::key_length(&key), Some(key.len() - 4), "{text}");
    }
}

#[test]
fn what_is_no_number_is_refused_in_dynamodbs_words() {
    let cannot = "The parameter cannot be converted to a numeric value";
    for text in
        ["dog", " 1", "1 ", "--1", "1.2.3", "e5", "1e", "1e+", ".", "-", "NaN", "0x10", "1_0"]
    {
        assert_eq!(Number::parse(text).unwrap_err().0, format!("{cannot}: {text}"));
    }
    assert_eq!(Number::parse("").unwrap_err().0, cannot);
    let digits = "1".repeat(39);
    for (text, start) in [
        (digits.as_str(), "Attempting to store more than 38 significant digits"),
        ("1e126", "Number overflow."),
        ("-11e125", "Number overflow."),
        ("1.0e100000000", "Number overflow."),
        ("1e-131", "Number underflow."),
        ("0.9e-130", "Number underflow."),
        ("1e-99999999999999999999999", "Number underflow."),
    ] {
        assert!(Number::parse(text).unwrap_err().0.starts_with(start), "{text}");
    }
}

#[test]
fn order_of_numbers_is_order_of_keys() {
    let texts = [
        "-9.9e125",
        "-1e125",
        "-100",
        "-12.5",
        "-12.45",
        "-12",
        "-1",
        "-0.5",
        "-1e-130",
        "0",
        "1e-130",
        "1.5e-130",
        "0.09",
        "0.1",
        "0.11",
        "1",
        "1.01",
        "9",
        "10",
        "10.1",
        "99",
        "100",
        "123456",
        "1e30",
        "9.9999999999999999999999999999999999999e125",
    ];
    let keys: Vec<Vec<u8>> = texts
        .iter()
        .map(|text| {
            let mut key = Vec::new();
            number(text).write_key(&mut key);
            key
        })
        .collect();
    for (i, a) in texts.iter().enumerate() {
        for (j, b) in texts.iter().enumerate() {
            assert_eq!(number(a).cmp(&number(b)), i.cmp(&j), "{a} {b}");
            assert_eq!(keys[i].cmp(&keys[j]), i.cmp(&j), "keys of {a} {b}");
        }
        let mut followed = keys[i].clone();
        followed.extend([7, 7]);
        assert_eq!(Number::read_key(&followed), Some((number(a), &[7u8, 7][..])), "{a}");
    }
}

#[test]
fn bytes_that_are_no_key_are_refused() {
    for bytes in [&[][..], &[3], &[2], &[2, 5], &[2, 5, 0], &[2, 5, 200, 0], &[2, 5, 1, 1, 1]] {
        assert_eq!(Number::read_key(bytes), None, "{bytes:?}");
    }
}

#[test]
fn sums_are_exact_or_refused() {
    let overflow = "Number overflow.";
    for (a, b, sum) in [
        ("1", "10000000000000000000000", "10000000000000000000001"),
        ("0.1", "0.2", "0.3"),
        ("5", "-5", "0"),
        ("-7", "3", "-4"),
        ("3", "-7", "-4"),
        ("999", "1", "1000"),
        ("9e125", "9e124", &format!("99{}", "0".repeat(124))),
        ("1e40", "-99999999999999999999999999999999999999e2", "100"),
        ("9e125", "9e125", overflow),
        ("1e50", "1", overflow),
        ("1e125", "1e-130", overflow),
        ("1.01e-129", "-1e-129", "Number underflow."),
    ] {
        let result = match number(a).plus(number(b)) {
            Ok(number) => number.to_string(),
            Err(problem) => problem.0,
        };
        assert!(
            result == sum || (sum.ends_with('.') && result.starts_with(sum)),
            "{a}+{b}={result}"
        );
    }
    assert_eq!(number("5").minus(number("7")).unwrap().to_string(), "-2");
}

#[test]
fn sums_agree_with_wide_integers() {
    let mut seed = 7u64;
    let mut next = move || {
        seed = seed.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (seed >> 24) as i64 - (1 << 39)
    };
    for _ in 0..2000 {
        let (a, b) = (i128::from(next()) * 1_000_003, i128::from(next()));
        let sum = number(&a.to_string()).plus(number(&b.to_string())).unwrap();
        assert_eq!(sum.to_string(), (a + b).to_string());
        assert_eq!(number(&a.to_string()).cmp(&number(&b.to_string())), a.cmp(&b));
    }
}

#[test]
fn sizes_count_pairs_of_digits() {
    for (text, size) in [
        ("0", 1),
        ("1", 2),
        ("12", 2),
        ("1.2", 3),
        ("123", 3),
        ("-123", 4),
        ("100", 2),
        ("1e125", 2),
    ] {
        assert_eq!(number(text).size_bytes(), size, "{text}");
    }
}

#[test]
fn whole_parts() {
    for (text, expected) in [
        ("0", Some(0)),
        ("1795341600", Some(1_795_341_600)),
        ("1795341600.9", Some(1_795_341_600)),
        ("179534160e1", Some(1_795_341_600)),
        ("0.999", Some(0)),
        ("1e-130", Some(0)),
        ("18446744073709551615.5", Some(u64::MAX)),
        ("18446744073709551616", None),
        ("1e125", None),
        ("-1", None),
        ("-0.5", None),
    ] {
        assert_eq!(Number::parse(text).unwrap().floor_u64(), expected, "{text}");
    }
}
