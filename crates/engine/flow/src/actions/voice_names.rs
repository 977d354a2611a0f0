//! The voices of Amazon Polly and the language each speaks first.
//!
//! Names: the Polly service model. Languages: Polly's list of voices; a few voices of the model
//! are younger than that list, and have none here.

/// Languages and the voices that speak them first.
const VOICES: &[(&str, &str)] = &[
    ("ar-AE", "Hala Zayd"),
    ("arb", "Zeina"),
    ("ca-ES", "Arlet"),
    ("cmn-CN", "Zhiyu"),
    ("cs-CZ", "Jitka"),
    ("cy-GB", "Gwyneth"),
    ("da-DK", "Mads Naja Sofie"),
    ("de-AT", "Hannah"),
    ("de-CH", "Sabrina"),
    ("de-DE", "Daniel Hans Marlene Vicki"),
    ("en-AU", "Nicole Olivia Russell"),
    ("en-GB", "Amy Arthur Brian Emma"),
    ("en-GB-WLS", "Geraint"),
    ("en-IE", "Niamh"),
    ("en-IN", "Aditi Kajal Raveena"),
    ("en-NZ", "Aria"),
    ("en-SG", "Jasmine"),
    (
        "en-US",
        "Danielle Gregory Ivy Joanna Joey Justin Kendra Kevin Kimberly Matthew Ruth Salli Stephen",
    ),
    ("en-ZA", "Ayanda"),
    ("es-ES", "Conchita Enrique Lucia Sergio"),
    ("es-MX", "Andres Mia"),
    ("es-US", "Lupe Miguel Pedro Penelope"),
    ("fi-FI", "Suvi"),
    ("fr-BE", "Isabelle"),
    ("fr-CA", "Chantal Gabrielle Liam"),
    ("fr-FR", "Celine Lea Mathieu Remi"),
    ("is-IS", "Dora Karl"),
    ("it-IT", "Adriano Bianca Carla Giorgio"),
    ("ja-JP", "Kazuha Mizuki Takumi Tomoko"),
    ("ko-KR", "Jihye Seoyeon"),
    ("nb-NO", "Ida Liv"),
    ("nl-BE", "Lisa"),
    ("nl-NL", "Laura Lotte Ruben"),
    ("pl-PL", "Ewa Jacek Jan Maja Ola"),
    ("pt-BR", "Camila Ricardo Thiago Vitoria"),
    ("pt-PT", "Cristiano Ines"),
    ("ro-RO", "Carmen"),
    ("ru-RU", "Maxim Tatyana"),
    ("sv-SE", "Astrid Elin"),
    ("tr-TR", "Burcu Filiz"),
    ("yue-CN", "Hiujin"),
];

/// Voices of the model whose language we have not seen written down.
const LANGUAGE_UNKNOWN: &str = "Ambre Arjun Beatrice Carlos Carolina Curtis Florian Hyunduk \
    Kenneth Kiara Lennart Leo Lorenzo Nate Tiffany Tina";

/// The voice called `name` (in any case) as Polly spells it, with its language if known.
pub(super) fn find(name: &str) -> Option<(&'static str, Option<&'static str>)> {
    let among = |names: &'static str| {
        names.split_whitespace().find(|known| known.eq_ignore_ascii_case(name))
    };
    let known = VOICES
        .iter()
        .find_map(|&(language, names)| among(names).map(|name| (name, Some(language))));
    known.or_else(|| among(LANGUAGE_UNKNOWN).map(|name| (name, None)))
}
