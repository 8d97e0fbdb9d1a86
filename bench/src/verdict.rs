//! A bound, and how what was measured stands to it.

/// What kind of bound; the comparisons are with another entry's median.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Bound {
    Most(f64),
    Least(f64),
    /// So many times the other's, or less.
    MostOf(f64, &'static str),
    /// So many times the other's, or more.
    LeastOf(f64, &'static str),
    /// So much above the other's, or less.
    MostAbove(f64, &'static str),
}

impl Bound {
    /// What it compares with.
    #[cfg(test)]
    pub(crate) fn other(self) -> Option<&'static str> {
        match self {
            Self::Most(_) | Self::Least(_) => None,
            Self::MostOf(_, other) | Self::LeastOf(_, other) | Self::MostAbove(_, other) => Some(other),
        }
    }
}

/// The middle one of a figure, and how far its rounds lie apart.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Spread {
    pub least: f64,
    pub median: f64,
    pub most: f64,
}

impl Spread {
    pub(crate) fn of(mut values: Vec<f64>) -> Option<Self> {
        values.sort_by(f64::total_cmp);
        let middle = values.len() / 2;
        let upper = *values.get(middle)?;
        let median = if values.len() % 2 == 1 { upper } else { f64::midpoint(values[middle - 1], upper) };
        Some(Self { least: values[0], median, most: *values.last()? })
    }
}

/// The value below which this part of `values` lies; 0 of none.
pub(crate) fn quantile(values: &mut [f64], part: f64) -> f64 {
    values.sort_by(f64::total_cmp);
    let rank = (values.len() as f64 * part).ceil().max(1.0) as usize;
    values.get(rank - 1).or(values.last()).copied().unwrap_or(0.0)
}

/// How a figure stands to its bound.
#[derive(Debug, PartialEq)]
pub(crate) struct Verdict {
    pub must: String,
    pub is: String,
    pub pass: bool,
}

/// `None`: what it is compared with was not measured.
pub(crate) fn judge(
    value: f64,
    must: Bound,
    unit: &str,
    other: impl Fn(&str) -> Option<f64>,
) -> Option<Verdict> {
    let judged = |must: String, is: String, pass: bool| Some(Verdict { must, is, pass });
    let ratio = |name: &str| other(name).map(|other| value / other);
    match must {
        Bound::Most(most) => judged(format!("≤ {}", amount(most, unit)), amount(value, unit), value <= most),
        Bound::Least(least) => {
            judged(format!("≥ {}", amount(least, unit)), amount(value, unit), value >= least)
        }
        Bound::MostOf(factor, name) => {
            let ratio = ratio(name)?;
            judged(format!("≤ {factor} × {name}"), format!("{ratio:.2} ×"), ratio <= factor)
        }
        Bound::LeastOf(factor, name) => {
            let ratio = ratio(name)?;
            judged(format!("≥ {factor} × {name}"), format!("{ratio:.2} ×"), ratio >= factor)
        }
        Bound::MostAbove(most, name) => {
            let above = value - other(name)?;
            let sign = if above < 0.0 { '−' } else { '+' };
            judged(
                format!("≤ {name} + {}", amount(most, unit)),
                format!("{sign} {}", amount(above.abs(), unit)),
                above <= most,
            )
        }
    }
}

/// Three digits, and the unit.
pub(crate) fn amount(value: f64, unit: &str) -> String {
    let number = match value.abs() {
        size if size >= 1_000_000.0 => format!("{:.2} million", value / 1e6),
        size if size >= 10_000.0 => format!("{:.0} thousand", value / 1e3),
        size if size >= 100.0 => format!("{value:.0}"),
        size if size >= 10.0 => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    };
    if unit.is_empty() { number } else { format!("{number} {unit}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_median_is_the_middle() {
        let of = |values: &[f64]| Spread::of(values.to_vec());
        assert_eq!(of(&[]), None);
        assert_eq!(of(&[3.0]), Some(Spread { least: 3.0, median: 3.0, most: 3.0 }));
        assert_eq!(of(&[5.0, 1.0, 9.0]), Some(Spread { least: 1.0, median: 5.0, most: 9.0 }));
        assert_eq!(of(&[4.0, 1.0, 2.0, 9.0]), Some(Spread { least: 1.0, median: 3.0, most: 9.0 }));
    }

    #[test]
    fn a_quantile_is_one_of_the_values() {
        let mut hundred: Vec<f64> = (1..=100).rev().map(f64::from).collect();
        let found = [0.0, 0.5, 0.99, 1.0].map(|part| quantile(&mut hundred, part) as u32);
        assert_eq!(found, [1, 50, 99, 100]);
        assert_eq!(quantile(&mut [7.0], 0.99) as u32, 7);
        assert_eq!(quantile(&mut [], 0.5) as u32, 0);
    }

    #[test]
    fn bounds_are_judged_on_the_right_side() {
        let pass = |value, must| judge(value, must, "", |_| Some(10.0)).map(|verdict| verdict.pass);
        assert_eq!(pass(1.0, Bound::Most(1.0)), Some(true));
        assert_eq!(pass(1.1, Bound::Most(1.0)), Some(false));
        assert_eq!(pass(494.0, Bound::Least(495.0)), Some(false));
        assert_eq!(pass(11.4, Bound::MostOf(1.15, "floor")), Some(true));
        assert_eq!(pass(11.6, Bound::MostOf(1.15, "floor")), Some(false));
        assert_eq!(pass(30.0, Bound::LeastOf(3.0, "axum")), Some(true));
        assert_eq!(pass(29.0, Bound::LeastOf(3.0, "axum")), Some(false));
        assert_eq!(pass(26.0, Bound::MostAbove(16.0, "without")), Some(true));
        assert_eq!(pass(27.0, Bound::MostAbove(16.0, "without")), Some(false));
        assert_eq!(judge(1.0, Bound::MostOf(1.0, "axum"), "", |_| None), None);
    }
}
