//! The page of each error code: what causes it and what to do. Compiled in, so that `ossa explain` needs no files.

/// Code and page, ordered by code: every file of `runtime/errors`, collected by the build script.
const PAGES: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/pages.rs"));

/// The page of `code`, in Markdown. Case does not matter.
#[must_use]
pub fn page(code: &str) -> Option<&'static str> {
    let code = code.trim();
    PAGES
        .iter()
        .find(|(known, _)| known.eq_ignore_ascii_case(code))
        .map(|(_, page)| *page)
}

/// All codes that have a page, in order.
pub fn codes() -> impl Iterator<Item = &'static str> {
    PAGES.iter().map(|(code, _)| *code)
}

/// What a page is about: its title without the code.
#[must_use]
pub fn title(code: &str) -> Option<&'static str> {
    let first = page(code)?.lines().next()?;
    Some(first.split_once(": ").map_or(first, |(_, title)| title))
}

/// Up to five codes that may have been meant by `code`.
#[must_use]
pub fn suggestions(code: &str) -> Vec<&'static str> {
    let wanted = code.trim().to_ascii_uppercase();
    let digits: String = wanted.chars().filter(char::is_ascii_digit).collect();
    let number = digits.parse::<u32>().ok();
    let mut likely: Vec<(usize, &'static str)> = codes()
        .filter_map(|known| {
            let same_letters = known
                .bytes()
                .zip(wanted.bytes())
                .take_while(|(left, right)| left == right)
                .count();
            let same_number = number.is_some_and(|number| {
                known
                    .get(known.len().saturating_sub(3)..)
                    .and_then(|digits| digits.parse().ok())
                    == Some(number)
            });
            let weight = same_letters + if same_number { 8 } else { 0 };
            (weight > 5).then_some((weight, known))
        })
        .collect();
    likely.sort_by(|left, right| right.0.cmp(&left.0).then(left.1.cmp(right.1)));
    likely.into_iter().take(5).map(|(_, code)| code).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn every_page_has_title_cause_and_fix() {
        assert!(codes().is_sorted());
        for code in codes() {
            let page = page(code).unwrap();
            assert!(page.starts_with(&format!("# {code}: ")), "{code}");
            assert!(page.contains("\n## Cause\n"), "{code}");
            assert!(page.contains("\n## Fix\n"), "{code}");
        }
    }

    #[test]
    fn a_code_is_found_whatever_its_case_and_a_wrong_one_has_suggestions() {
        assert!(page("ossa-m001").is_some());
        assert!(page("OSSA-X999").is_none());
        assert_eq!(suggestions("M041").first(), Some(&"OSSA-M041"));
        assert_eq!(suggestions("OSSA-041").first(), Some(&"OSSA-M041"));
        assert!(suggestions("nonsense").is_empty());
    }
}
