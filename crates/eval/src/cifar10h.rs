//! CIFAR-10H (Peterson, Battleday, Griffiths and Russakovsky 2019, "Human Uncertainty Makes Classification More Robust"): 10,000
//! images, each with the answers of about 51 people; beside them the probabilities of a ResNet-110, as Kerrigan, Smyth and Steyvers
//! 2021 used them. A model that knows how sure it is, and people who can be asked.
//!
//! Whoever is asked about an image is one of those who answered, each as likely as the other: what he is right by is computed
//! over all of them, and nothing is drawn. Splits are drawn from a seed.

mod corpus;

pub use corpus::{CLASSES, Corpus, CorpusError, Image};

use rand::{RngExt, SeedableRng, rngs::StdRng, seq::SliceRandom};

/// What deferral with a guarantee came to on many samples of the images.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Trials {
    /// Samples where no threshold was given; they handle nothing and break nothing.
    pub refused: usize,
    /// Samples where of the images that were counted and handled a greater share was wrong than was promised.
    pub broken: usize,
    /// The share of counted images that was handled, on average; 0 where refused.
    pub coverage: f64,
    /// The share of handled images that was wrong, on average over samples that were not refused.
    pub risk: f64,
}

impl Corpus {
    /// Returns the images in two halves, by place.
    pub fn halves(&self, seed: u64) -> [Vec<usize>; 2] {
        let mut first = self.shuffled(seed);
        let second = first.split_off(self.images.len() / 2);
        [first, second]
    }

    /// Returns as many images as are in a half, drawn with replacement, and all images: what is learnt from the first is true of the
    /// second with its very probability.
    pub fn redrawn(&self, seed: u64) -> [Vec<usize>; 2] {
        let mut random = StdRng::seed_from_u64(seed);
        let count = self.images.len();
        let drawn = (0..count / 2).map(|_| random.random_range(0..count)).collect();
        [drawn, (0..count).collect()]
    }

    /// Returns the places of all images in an order that is drawn.
    pub fn shuffled(&self, seed: u64) -> Vec<usize> {
        let mut places: Vec<usize> = (0..self.images.len()).collect();
        places.shuffle(&mut StdRng::seed_from_u64(seed));
        places
    }

    /// Returns the images at the given places.
    pub fn at<'a>(&'a self, places: &'a [usize]) -> impl Iterator<Item = &'a Image> {
        places.iter().filter_map(|place| self.images.get(*place))
    }

    /// Returns the share of images about which the model is right.
    pub fn model_accuracy(&self) -> f64 {
        mean(self.images.iter().map(|image| f64::from(u8::from(image.is_model_right()))))
    }

    /// Returns the share of images about which one person is right.
    pub fn person_accuracy(&self) -> f64 {
        mean(self.images.iter().map(|image| image.persons_right(|answer| answer == image.truth)))
    }

    /// Returns the accuracy where one person decides about the given share of images, those of which the model is least sure,
    /// and the model about the others.
    pub fn replaced_accuracy(&self, share: f64) -> f64 {
        let mut images: Vec<&Image> = self.images.iter().collect();
        images.sort_by(|a, b| a.confidence().total_cmp(&b.confidence()));
        let deferred = share_of(images.len(), share);
        mean(images.iter().enumerate().map(|(place, image)| {
            if place < deferred {
                image.persons_right(|answer| answer == image.truth)
            } else {
                f64::from(u8::from(image.is_model_right()))
            }
        }))
    }

    /// Returns the greatest share of images, the surest ones, of which at most a share of `risk` is wrong: what a threshold that is
    /// chosen with all labels known would handle.
    pub fn oracle_coverage(&self, risk: f64) -> f64 {
        let mut images: Vec<&Image> = self.images.iter().collect();
        images.sort_by(|a, b| b.confidence().total_cmp(&a.confidence()));
        let (mut wrong, mut most) = (0.0, 0);
        for (place, image) in images.iter().enumerate() {
            wrong += f64::from(u8::from(!image.is_model_right()));
            if wrong <= risk * (place + 1) as f64 {
                most = place + 1;
            }
        }
        most as f64 / images.len() as f64
    }

    /// Learns a rule from some images and counts on others, for so many samples of both; `sample` gets the number of the sample,
    /// `learn` confidences and whether the model was right. It returns which confidences are handled, or `None` where it refuses.
    pub fn trials<R: Fn(f64) -> bool>(
        &self,
        count: usize,
        risk: f64,
        sample: impl Fn(u64) -> [Vec<usize>; 2],
        learn: impl Fn(&[(f64, bool)]) -> Option<R>,
    ) -> Trials {
        let judged: Vec<(f64, bool)> =
            self.images.iter().map(|image| (image.confidence(), image.is_model_right())).collect();
        let at = |places: Vec<usize>| -> Vec<(f64, bool)> {
            places.into_iter().filter_map(|place| judged.get(place).copied()).collect()
        };
        let (mut refused, mut broken, mut coverage, mut risks) = (0, 0, 0.0, 0.0);
        for number in 0..count {
            let [learnt, counted] = sample(number as u64).map(at);
            let Some(handles) = learn(&learnt) else {
                refused += 1;
                continue;
            };
            let handled = counted.iter().filter(|(confidence, _)| handles(*confidence));
            let (handled, wrong) = handled.fold((0.0, 0.0), |(handled, wrong), (_, is_right)| {
                (handled + 1.0, wrong + f64::from(u8::from(!is_right)))
            });
            broken += usize::from(wrong > risk * handled);
            coverage += handled / counted.len() as f64;
            risks += if handled > 0.0 { wrong / handled } else { 0.0 };
        }
        let (coverage, risk) = (coverage / count as f64, risks / (count - refused) as f64);
        Trials { refused, broken, coverage, risk }
    }
}

/// Returns how many of `count` a share is, rounded.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a share of a count")]
pub fn share_of(count: usize, share: f64) -> usize {
    (share * count as f64).round() as usize
}

/// Returns the mean; NaN of nothing.
pub fn mean(values: impl Iterator<Item = f64>) -> f64 {
    let (count, sum) = values.fold((0.0, 0.0), |(count, sum), value| (count + 1.0, sum + value));
    sum / count
}
