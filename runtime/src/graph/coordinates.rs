//! Where the boxes of a row go: as near as possible to where they would like to be, without touching.

/// A box in a row.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wish {
    /// Where its centre would like to be.
    pub(super) centre: f64,
    pub(super) width: f64,
}

/// Centres in the order given, at least `gap` between the boxes, with the least sum of squared distances to the wishes.
///
/// With the widths before it taken off each wish, this is fitting a sequence that never falls, which pooling adjacent
/// violators does exactly.
pub(super) fn placed(wishes: &[Wish], gap: f64) -> Vec<f64> {
    let mut offsets = Vec::with_capacity(wishes.len());
    let mut offset = 0.0;
    let mut before: Option<f64> = None;
    for wish in wishes {
        if let Some(before) = before {
            offset += f64::midpoint(before, wish.width) + gap;
        }
        offsets.push(offset);
        before = Some(wish.width);
    }
    // Groups of boxes that push each other: sum of what they wish, and how many they are.
    let mut groups: Vec<(f64, f64)> = Vec::new();
    for (wish, offset) in wishes.iter().zip(&offsets) {
        let mut group = (wish.centre - offset, 1.0);
        while let Some((sum, count)) = groups.last().copied() {
            if sum / count <= group.0 / group.1 {
                break;
            }
            group = (group.0 + sum, group.1 + count);
            groups.pop();
        }
        groups.push(group);
    }
    let mut shifts = groups.into_iter().flat_map(|(sum, count)| {
        let mut left = count;
        std::iter::from_fn(move || {
            left -= 1.0;
            (left > -0.5).then_some(sum / count)
        })
    });
    offsets
        .into_iter()
        .map(|offset| offset + shifts.next().unwrap_or(0.0))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wishes(centres: &[f64]) -> Vec<Wish> {
        let wish = |centre: &f64| Wish {
            centre: *centre,
            width: 10.0,
        };
        centres.iter().map(wish).collect()
    }

    #[test]
    fn boxes_that_do_not_touch_stay_where_they_would_like_to_be() {
        assert_eq!(placed(&wishes(&[0.0, 20.0, 50.0]), 2.0), [0.0, 20.0, 50.0]);
    }

    #[test]
    fn boxes_that_want_the_same_place_share_the_way() {
        assert_eq!(placed(&wishes(&[0.0, 0.0]), 2.0), [-6.0, 6.0]);
        assert_eq!(placed(&wishes(&[0.0, 0.0, 0.0]), 2.0), [-12.0, 0.0, 12.0]);
    }

    #[test]
    fn an_empty_row_is_fine() {
        assert!(placed(&[], 2.0).is_empty());
    }
}
