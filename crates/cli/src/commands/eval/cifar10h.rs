//! `eval cifar10h`: a model that knows how sure it is, and people who can be asked.
//!
//! Everything that is fitted is fitted on one half of the images and scored on the other, then the other way round, for several
//! splits. What is scored is never fitted on.

use super::nth;
use crate::out::say;
use anyhow::Context;
use std::path::Path;
use watchkeeper_detect::{
    Calibration, ConfidenceDrift, ConfusionMatrix, Deferral, LabelledDecision, LabelledProbabilities,
    Promise, announced, calibration_error,
};
use watchkeeper_eval::cifar10h::{CLASSES, Corpus, Image, mean, share_of};

const RISK: f64 = 0.01;
const DELTA: f64 = 0.05;
/// Samples that deferral is counted on.
const TRIALS: usize = 1_000;
/// Handled images that the promise with a horizon is about: three quarters of a half.
const HORIZON: u64 = 3_750;
/// Splits that everything else is fitted and scored on, both ways each.
const SPLITS: u64 = 5;
const SHARES: [f64; 3] = [0.05, 0.10, 0.20];
/// Published bins of the calibration error (Guo et al. 2017).
const BINS: u16 = 15;
/// Where several people may be asked, one more is while the decision is less sure than that.
const SURE_ENOUGH: f64 = 0.99;
/// Streams that are watched without a change, and with each change.
const STREAMS: u64 = 200;
const CHANGED_STREAMS: u64 = 50;
const ALPHA: f64 = 0.01;

pub(crate) fn run(folder: &Path, seed: u64) -> anyhow::Result<()> {
    let corpus = Corpus::open(folder).context("reading the benchmark")?;
    let people = mean(corpus.images.iter().map(|image| f64::from(image.people())));
    say(format_args!(
        "CIFAR-10H: {} images, {people:.1} people each, ResNet-110; seed {seed}",
        corpus.images.len()
    ))?;
    deferral(&corpus, seed)?;
    let splits: Vec<Scored<'_>> =
        (0..SPLITS).flat_map(|split| both_ways(&corpus, nth(seed, split))).collect::<Result<_, _>>()?;
    calibration(&splits)?;
    team(&corpus, &splits)?;
    drift(&corpus, seed)
}

/// Prints a row: what it is, the bar, what is published, and ours.
fn row(what: &str, bar: &str, published: &str, ours: &str) -> anyhow::Result<()> {
    Ok(say(format_args!("{what:<72} {bar:>8} {published:>9} {ours:>8}"))?)
}

fn title(text: &str) -> anyhow::Result<()> {
    say("")?;
    row(text, "bar", "published", "ours")
}

fn deferral(corpus: &Corpus, seed: u64) -> anyhow::Result<()> {
    title("deferral: at most 1 % wrong of what is handled, delta 5 %, 1,000 samples")?;
    row("coverage with all labels known (oracle)", "", ".81", &share(corpus.oracle_coverage(RISK)))?;
    let trials = |horizon, sample: &dyn Fn(u64) -> [Vec<usize>; 2]| {
        let promise = Promise { risk: RISK, delta: DELTA, horizon };
        corpus.trials(TRIALS, RISK, sample, |labelled| {
            let decisions: Vec<LabelledDecision> = labelled
                .iter()
                .map(|(confidence, is_correct)| LabelledDecision {
                    confidence: *confidence,
                    is_correct: *is_correct,
                })
                .collect();
            let learnt = Deferral::learn(&decisions, promise).ok()?;
            Some(move |confidence| learnt.handles(confidence))
        })
    };
    let redrawn = |number| corpus.redrawn(nth(seed, number));
    let halves = |number| corpus.halves(nth(seed, number));
    let of_trials = |count: usize| share(count as f64 / TRIALS as f64);
    let drawn = trials(None, &redrawn);
    row(
        "the probability of an error, learnt from 5,000 draws: coverage",
        ">= .60",
        "",
        &share(drawn.coverage),
    )?;
    row("  broken, counted on all images", "<= .05", "", &of_trials(drawn.broken))?;
    row("  refused", "", "", &of_trials(drawn.refused))?;
    let split = trials(None, &halves);
    row("the same, learnt from one half: coverage of the other", ">= .60", "", &share(split.coverage))?;
    row("  errors of what is handled", "<= .01", "", &share(split.risk))?;
    row("  more than 1 % counted, of which nothing is promised", "", "", &of_trials(split.broken))?;
    let counted = trials(Some(HORIZON), &halves);
    row("the count of the next 3,750 handled, one half: coverage", ">= .60", "", &share(counted.coverage))?;
    row("  errors of what is handled", "<= .01", "", &share(counted.risk))?;
    row("  broken, counted on the other half", "<= .05", "", &of_trials(counted.broken))?;
    row("  refused", "", "", &of_trials(counted.refused))
}

/// One half of the images, with what was fitted on the other.
struct Scored<'a> {
    images: Vec<&'a Image>,
    calibrated: Vec<Vec<f64>>,
    person: ConfusionMatrix,
}

/// Fits on each half for the other.
fn both_ways(corpus: &Corpus, seed: u64) -> [anyhow::Result<Scored<'_>>; 2] {
    let [first, second] = corpus.halves(seed);
    let fit = |fitted: &[usize], scored: &[usize]| {
        let labelled: Vec<_> = corpus
            .at(fitted)
            .map(|image| LabelledProbabilities { probabilities: &image.probabilities, truth: image.truth })
            .collect();
        let calibration = Calibration::learn(&labelled, CLASSES)?;
        let answers = corpus.at(fitted).flat_map(|image| {
            image.votes.iter().enumerate().map(|(answer, votes)| (image.truth, answer, *votes))
        });
        let person = ConfusionMatrix::learn(answers, CLASSES);
        let images: Vec<&Image> = scored.iter().filter_map(|place| corpus.images.get(*place)).collect();
        let calibrated = images.iter().map(|image| calibration.apply(&image.probabilities)).collect();
        Ok(Scored { images, calibrated, person })
    };
    [fit(&first, &second), fit(&second, &first)]
}

impl Scored<'_> {
    fn calibration_error(&self, calibrated: bool, class: Option<usize>) -> f64 {
        let decisions = self.images.iter().zip(&self.calibrated);
        let decisions = decisions.filter(|(image, _)| class.is_none_or(|class| image.announced() == class));
        let judged = decisions.map(|(image, probabilities)| {
            let found: &[f64] = if calibrated { probabilities } else { &image.probabilities };
            (greatest(found), image.is_model_right())
        });
        calibration_error(judged, BINS)
    }

    /// Returns which images are deferred, those of the greatest worth; of equals the first.
    fn deferred(&self, share: f64, worth: impl Fn(&[f64]) -> f64) -> Vec<bool> {
        let worths: Vec<f64> = self.calibrated.iter().map(|probabilities| worth(probabilities)).collect();
        let mut places: Vec<(usize, f64)> = worths.into_iter().enumerate().collect();
        places.sort_by(|(_, a), (_, b)| b.total_cmp(a));
        let mut deferred = vec![false; places.len()];
        for (place, _) in places.into_iter().take(share_of(self.images.len(), share)) {
            if let Some(is_deferred) = deferred.get_mut(place) {
                *is_deferred = true;
            }
        }
        deferred
    }

    /// Returns the accuracy of the team, and how many answers a deferred image takes.
    fn team(&self, deferred: &[bool], asked: impl Fn(&Image, &[f64]) -> (f64, f64)) -> (f64, f64) {
        let (mut right, mut answers, mut count) = (0.0, 0.0, 0.0);
        for ((image, probabilities), is_deferred) in self.images.iter().zip(&self.calibrated).zip(deferred) {
            if *is_deferred {
                let (is_right, asked) = asked(image, probabilities);
                right += is_right;
                answers += asked;
                count += 1.0;
            } else {
                right += f64::from(u8::from(announced(probabilities) == image.truth));
            }
        }
        (right / self.images.len() as f64, answers / count)
    }
}

fn calibration(splits: &[Scored<'_>]) -> anyhow::Result<()> {
    title("expected calibration error, 15 bins; fitted on the other half, 5 splits")?;
    let of = |calibrated, class: Option<usize>| {
        mean(splits.iter().map(|split| split.calibration_error(calibrated, class)))
    };
    let of_classes = |calibrated| mean((0..CLASSES).map(|class| of(calibrated, Some(class))));
    row("as the model gives it", "", "", &share(of(false, None)))?;
    row("calibrated, each class with its temperature", "", "", &share(of(true, None)))?;
    row("within announced classes: as the model gives it", "", "", &share(of_classes(false)))?;
    row("within announced classes: calibrated", "", "", &share(of_classes(true)))
}

fn team(corpus: &Corpus, splits: &[Scored<'_>]) -> anyhow::Result<()> {
    title("accuracy of the team; fitted on the other half, 5 splits")?;
    row("model alone", "", ".9389", &share(corpus.model_accuracy()))?;
    row("one person", "", ".9523", &share(corpus.person_accuracy()))?;
    let least_sure = |probabilities: &[f64]| -greatest(probabilities);
    for share_deferred in SHARES {
        let (bar, published) = match share_deferred {
            0.05 => ("", ".9548"),
            0.10 => (">= .9644", ".9644"),
            _ => ("", ".9712"),
        };
        let percent = share_deferred * 100.0;
        let replaced = share(corpus.replaced_accuracy(share_deferred));
        row(&format!("{percent:.0} % deferred, least sure, a person instead"), "", published, &replaced)?;
        let combined = |most: usize, by_gain: bool| {
            let scores: Vec<(f64, f64)> = splits
                .iter()
                .map(|split| {
                    let deferred = if by_gain {
                        split.deferred(share_deferred, |probabilities| split.person.gain(probabilities))
                    } else {
                        split.deferred(share_deferred, least_sure)
                    };
                    split.team(&deferred, |image, probabilities| {
                        ask(&split.person, image, &image.votes, probabilities, most)
                    })
                })
                .collect();
            (mean(scores.iter().map(|(right, _)| *right)), mean(scores.iter().map(|(_, answers)| *answers)))
        };
        row("  least sure, person and model", "", "", &share(combined(1, false).0))?;
        row("  greatest gain, person and model", bar, "", &share(combined(1, true).0))?;
        for most in [2, 3] {
            let (right, answers) = combined(most, true);
            row(
                &format!("  greatest gain, up to {most} people while unsure: {answers:.2} each"),
                "",
                "",
                &share(right),
            )?;
        }
    }
    Ok(())
}

/// Returns how often the decision is right, and how many are asked, where up to `most` people are, one after the other, as long as it
/// is not sure enough: over all orders in which those who answered this image may come.
fn ask(
    person: &ConfusionMatrix,
    image: &Image,
    left: &[u32; CLASSES],
    probabilities: &[f64],
    most: usize,
) -> (f64, f64) {
    let people: u32 = left.iter().sum();
    let (mut right, mut asked) = (0.0, 1.0);
    for (answer, votes) in left.iter().enumerate().filter(|(_, votes)| **votes > 0) {
        let weight = f64::from(*votes) / f64::from(people);
        let combined = person.combine(probabilities, answer);
        if most == 1 || people == 1 || greatest(&combined) >= SURE_ENOUGH {
            right += weight * f64::from(u8::from(announced(&combined) == image.truth));
        } else {
            let mut left = *left;
            if let Some(votes) = left.get_mut(answer) {
                *votes -= 1;
            }
            let (then_right, then_asked) = ask(person, image, &left, &combined, most - 1);
            right += weight * then_right;
            asked += weight * then_asked;
        }
    }
    (right, asked)
}

const NO_CHANGE: &str = "no change";

/// Returns the confidence where probabilities are as at temperature 2.
fn softened(image: &Image) -> f64 {
    let weights = image.probabilities.map(f64::sqrt);
    greatest(&weights) / weights.iter().sum::<f64>()
}

/// What becomes of the stream after its middle: the class and the confidence of an image.
type Change = fn(&Image) -> (usize, f64);
const CHANGES: [(&str, Change); 4] = [
    (NO_CHANGE, |image| (image.announced(), image.confidence())),
    ("all as unsure as at temperature 2", |image| (image.announced(), softened(image))),
    ("one class as unsure as at temperature 2", |image| {
        let class = image.announced();
        (class, if class == 0 { softened(image) } else { image.confidence() })
    }),
    ("announced classes permuted", |image| ((image.announced() + 1) % CLASSES, image.confidence())),
];

fn drift(corpus: &Corpus, seed: u64) -> anyhow::Result<()> {
    title("drift after 5,000 images, alpha 1 %: 200 streams, 50 of each change")?;
    for (name, change) in CHANGES {
        let streams = if name == NO_CHANGE { STREAMS } else { CHANGED_STREAMS };
        let (mut early, mut delays) = (0, Vec::new());
        for stream in 0..streams {
            let order = corpus.shuffled(nth(seed, stream));
            let middle = order.len() / 2;
            let mut watch = ConfidenceDrift::new(CLASSES, nth(seed, stream));
            for (place, image) in corpus.at(&order).enumerate() {
                let (class, confidence) =
                    if place < middle { (image.announced(), image.confidence()) } else { change(image) };
                watch.handle_confidence(class, confidence);
                if watch.has_drifted(ALPHA) {
                    if place < middle {
                        early += 1;
                    } else {
                        delays.push(place - middle + 1);
                    }
                    break;
                }
            }
        }
        delays.sort_unstable();
        let of_streams = |count: usize| share(count as f64 / streams as f64);
        let what = format!("{name}: streams that alarm");
        if name == NO_CHANGE {
            row(&what, "<= .01", "", &of_streams(early + delays.len()))?;
            continue;
        }
        row(&what, "", "", &of_streams(delays.len()))?;
        let at =
            |part: usize| delays.get(delays.len() * part / 10).map_or("-".to_owned(), ToString::to_string);
        row("  decisions until then: median", "", "", &at(5))?;
        row("  decisions until then: 9 of 10", "", "", &at(9))?;
    }
    Ok(())
}

fn greatest(probabilities: &[f64]) -> f64 {
    probabilities.iter().copied().fold(0.0, f64::max)
}

/// Returns a share of 0 to 1 with four digits and without the leading 0.
fn share(value: f64) -> String {
    format!("{value:.4}").trim_start_matches('0').to_owned()
}
