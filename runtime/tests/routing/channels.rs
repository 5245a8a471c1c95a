//! Names, patterns and globs.

use ossa_runtime::manifest::model::Wildcards;
use ossa_runtime::routing::{ChannelName, ChannelPattern, Glob, MAX_CHANNEL_CHARS, is_reserved};
use proptest::prelude::*;

use crate::table;

#[test]
fn the_table_of_channels_holds() {
    for case in table::read("channels", 3) {
        let (first, second, place) = (case.cell(0), case.cell(1), &case.place);
        let expected = case.cell(2) == "yes";
        match &*case.section {
            "segment" | "multi" => {
                let wildcards = match &*case.section {
                    "multi" => Wildcards::Multi,
                    _ => Wildcards::Segment,
                };
                let pattern = ChannelPattern::parse_with(first, wildcards).unwrap();
                let channel = ChannelName::parse(second).unwrap();
                assert_eq!(pattern.matches(&channel), expected, "{place}");
                assert_eq!(pattern.as_str(), first, "{place}");
            }
            "source" => assert_eq!(Glob::of_source(first).matches(second), expected, "{place}"),
            "name" => check(ChannelName::parse(first).err(), &case),
            "pattern" => check(ChannelPattern::parse(first).err(), &case),
            other => panic!("{other}"),
        }
    }
}

fn check(error: Option<ossa_runtime::routing::ChannelError>, case: &table::Case) {
    let found = error.as_ref().map_or("good", |error| error.code());
    assert_eq!(found, case.cell(1), "{}", case.place);
    if let Some(error) = error {
        assert!(
            error.to_string().contains(case.cell(2)),
            "{error}: {}",
            case.place
        );
        assert!(!error.help().is_empty());
    }
}

#[test]
fn a_name_has_at_most_255_characters() {
    let longest = "a".repeat(MAX_CHANNEL_CHARS);
    assert!(ChannelName::parse(&longest).is_ok());
    let error = ChannelName::parse(&format!("{longest}a")).unwrap_err();
    assert!(error.to_string().contains("too long"), "{error}");
    assert!(ChannelName::parse("").is_err());
}

#[test]
fn the_dead_letters_of_a_channel_are_in_one_that_ends_in_dlq() {
    let name = |text: &str| ChannelName::parse(text).unwrap();
    let channel = name("security.vulnerabilities");
    assert!(!channel.is_dead_letters());
    assert_eq!(channel.dead_letters(), name("security.vulnerabilities.dlq"));
    assert!(channel.dead_letters().is_dead_letters());
    assert_eq!(
        channel.dead_letters().dead_letters(),
        channel.dead_letters()
    );
    assert!(name("dlq").is_dead_letters());
    assert!(!name("old-dlq").is_dead_letters());
    let longest = name(&format!("{}.b", "a".repeat(MAX_CHANNEL_CHARS - 2)));
    assert_eq!(longest.dead_letters().as_str().len(), MAX_CHANNEL_CHARS);
}

#[test]
fn channels_of_the_runtime_itself_are_reserved() {
    for name in ["ossa.runs", "system.health", "internal.a.b"] {
        assert!(is_reserved(name) && ChannelName::parse(name).unwrap().is_reserved());
    }
    assert!(!is_reserved("ossature.a") && !is_reserved("security"));
}

/// Whether a pattern matches, tried in every way.
fn naive(pattern: &[&str], names: &[&str]) -> bool {
    match (pattern.split_first(), names.split_first()) {
        (None, None) => true,
        (Some((&"#", rest)), None) => naive(rest, names),
        (Some((&"#", rest)), Some((_, after))) => naive(rest, names) || naive(pattern, after),
        (Some((segment, rest)), Some((name, after))) => {
            (*segment == "*" || Glob::new(segment).matches(name)) && naive(rest, after)
        }
        _ => false,
    }
}

proptest! {
    #[test]
    fn a_pattern_matches_what_trying_everything_matches(
        pattern in proptest::collection::vec(prop_oneof!["[ab]", Just("*".to_owned()), Just("#".to_owned()), "a\\*b?"], 2..7),
        names in proptest::collection::vec("[ab]{1,2}", 1..7),
    ) {
        let parsed = ChannelPattern::parse(&pattern.join(".")).unwrap();
        let channel = ChannelName::parse(&names.join(".")).unwrap();
        let pattern: Vec<&str> = pattern.iter().map(String::as_str).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        prop_assert_eq!(parsed.matches(&channel), naive(&pattern, &names));
    }

    #[test]
    fn no_text_breaks_the_reader_of_names(text in "\\PC{0,40}") {
        let _ = ChannelPattern::parse(&text);
        if let Ok(name) = ChannelName::parse(&text) {
            prop_assert!(ChannelPattern::parse(&text).unwrap().matches(&name));
            prop_assert!(name.dead_letters().is_dead_letters());
        }
    }
}
