//! The table that a bench prints: one row per figure, with what it is compared with and the target that it is held to.

use std::fmt::Write as _;

use super::stats::Spread;

/// What the numbers of a row count.
#[derive(Clone, Copy, Debug)]
pub(super) enum Unit {
    /// Per second; more is better.
    PerSecond,
    /// Seconds; less is better.
    Seconds,
    /// Bytes.
    Bytes,
    /// None: a number alone.
    Number,
}

/// The figure to reach (`ratio` is ours divided by theirs, round by round).
#[derive(Clone, Copy, Debug)]
pub(super) enum Target {
    /// Of the median ratio.
    RatioAtLeast(f64),
    /// Of the median ratio.
    RatioAtMost(f64),
    /// Of the median ratio: so far from one at most, either way.
    RatioWithin(f64),
    /// Of our median, in the row's unit.
    AtMost(f64),
    /// For the reader only.
    None,
}

/// One figure.
pub(super) struct Row {
    /// What was measured, and against what.
    pub(super) what: String,
    /// The unit of the values.
    pub(super) unit: Unit,
    /// One value per round.
    pub(super) ours: Vec<f64>,
    /// The value of the comparison in the same round; empty when there is none.
    pub(super) theirs: Vec<f64>,
    /// The figure to reach.
    pub(super) target: Target,
}

/// How a row compares with its target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Reached.
    Ok,
    /// Not reached.
    Miss,
    /// Nothing to reach.
    Unjudged,
}

impl Row {
    fn ratio(&self) -> Option<Spread> {
        Spread::of(self.ours.iter().zip(&self.theirs).map(|(ours, theirs)| ours / theirs))
    }

    /// Whether the target is reached. A row without the values that its target needs missed it.
    pub(super) fn verdict(&self) -> Verdict {
        let ratio = || self.ratio().map_or(f64::NAN, |ratio| ratio.median);
        let reached = match self.target {
            Target::RatioAtLeast(least) => ratio() >= least,
            Target::RatioAtMost(most) => ratio() <= most,
            Target::RatioWithin(apart) => (ratio() - 1.0).abs() <= apart,
            Target::AtMost(most) => {
                Spread::of(self.ours.iter().copied()).is_some_and(|ours| ours.median <= most)
            }
            Target::None => return Verdict::Unjudged,
        };
        if reached { Verdict::Ok } else { Verdict::Miss }
    }

    fn cells(&self) -> [String; 7] {
        let median = |values: &[f64]| Spread::of(values.iter().copied()).map(|spread| spread.median);
        let shown = |values: &[f64]| median(values).map(|value| self.unit.show(value)).unwrap_or_default();
        let ratio = self.ratio();
        let target = match self.target {
            Target::RatioAtLeast(least) => format!(">= {least:.2} x"),
            Target::RatioAtMost(most) => format!("<= {most:.2} x"),
            Target::RatioWithin(apart) => format!("1 +- {apart:.2} x"),
            Target::AtMost(most) => format!("<= {}", self.unit.show(most)),
            Target::None => String::new(),
        };
        let verdict = match self.verdict() {
            Verdict::Ok => "ok",
            Verdict::Miss => "miss",
            Verdict::Unjudged => "",
        };
        [
            self.what.clone(),
            shown(&self.ours),
            shown(&self.theirs),
            ratio.map(|ratio| format!("{:.2} x", ratio.median)).unwrap_or_default(),
            ratio.map(|ratio| format!("{:.2}..{:.2}", ratio.low, ratio.high)).unwrap_or_default(),
            target,
            verdict.to_owned(),
        ]
    }
}

impl Unit {
    fn show(self, value: f64) -> String {
        match self {
            Unit::PerSecond => format!("{value:.0}/s"),
            Unit::Seconds if value < 0.000_1 => format!("{:.1} us", value * 1e6),
            Unit::Seconds => format!("{:.2} ms", value * 1e3),
            Unit::Bytes => format!("{:.1} MB", value / 1e6),
            Unit::Number => format!("{value:.2}"),
        }
    }
}

/// The rows under their heading, in columns.
pub(super) fn render(rows: &[Row]) -> String {
    let heading = ["figure", "keyward", "compared", "ratio", "spread", "target", ""].map(str::to_owned);
    let lines: Vec<[String; 7]> = std::iter::once(heading).chain(rows.iter().map(Row::cells)).collect();
    let mut widths = [0; 7];
    for line in &lines {
        for (width, cell) in widths.iter_mut().zip(line) {
            *width = cell.chars().count().max(*width);
        }
    }
    let mut text = String::new();
    for line in &lines {
        for (column, (cell, width)) in line.iter().zip(widths).enumerate() {
            // Writing to a String cannot fail.
            let _ =
                if column == 0 { write!(text, "{cell:<width$}") } else { write!(text, "  {cell:>width$}") };
        }
        text.truncate(text.trim_end().len());
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(ours: &[f64], theirs: &[f64], target: Target) -> Row {
        Row {
            what: "list".to_owned(),
            unit: Unit::PerSecond,
            ours: ours.to_vec(),
            theirs: theirs.to_vec(),
            target,
        }
    }

    #[test]
    fn ratios_are_taken_round_by_round() {
        // The medians alone would say 200/200.
        let drifting = row(&[50.0, 200.0, 400.0], &[100.0, 200.0, 800.0], Target::RatioAtLeast(0.7));
        assert_eq!(drifting.verdict(), Verdict::Miss);
        let better = row(&[80.0, 200.0, 800.0], &[100.0, 200.0, 800.0], Target::RatioAtLeast(0.7));
        assert_eq!(better.verdict(), Verdict::Ok);
    }

    #[test]
    fn verdicts_follow_the_direction_of_the_target() {
        for (target, verdict) in [
            (Target::RatioAtMost(1.9), Verdict::Miss),
            (Target::RatioAtMost(2.0), Verdict::Ok),
            (Target::RatioWithin(0.99), Verdict::Miss),
            (Target::RatioWithin(1.0), Verdict::Ok),
            (Target::AtMost(19.0), Verdict::Miss),
            (Target::AtMost(20.0), Verdict::Ok),
            (Target::None, Verdict::Unjudged),
        ] {
            assert_eq!(row(&[20.0], &[10.0], target).verdict(), verdict, "{target:?}");
        }
    }

    #[test]
    fn a_row_that_could_not_be_measured_is_a_miss() {
        assert_eq!(row(&[], &[], Target::AtMost(1.0)).verdict(), Verdict::Miss);
        assert_eq!(row(&[f64::NAN], &[1.0], Target::RatioAtMost(1.0)).verdict(), Verdict::Miss);
        assert_eq!(row(&[1.0], &[], Target::RatioAtLeast(0.5)).verdict(), Verdict::Miss);
    }

    #[test]
    fn columns_line_up() {
        let rows = [
            row(&[80.0, 90.0], &[100.0, 100.0], Target::RatioAtLeast(0.7)),
            Row {
                what: "start, long name".to_owned(),
                unit: Unit::Seconds,
                ..row(&[0.5], &[], Target::AtMost(1.0))
            },
        ];
        assert_eq!(
            render(&rows),
            "figure              keyward  compared   ratio      spread         target\n\
             list                   85/s     100/s  0.85 x  0.80..0.90      >= 0.70 x  ok\n\
             start, long name  500.00 ms                                <= 1000.00 ms  ok\n"
        );
    }
}
