//! What is known of the images and the people, and cases computed by hand.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

use std::fs;
use watchkeeper_canary::labelled_data;
use watchkeeper_eval::cifar10h::{Corpus, Image};

fn is_near(found: f64, expected: f64) -> bool {
    (found - expected).abs() < 5e-5
}

#[test]
fn model_people_and_replacing_are_what_is_known_of_them() {
    let Some(folder) = labelled_data("cifar10h") else { return };
    let corpus = Corpus::open(&folder).unwrap();
    assert_eq!(corpus.images.len(), 10_000);
    assert!(is_near(corpus.model_accuracy(), 0.9389), "{}", corpus.model_accuracy());
    assert!(is_near(corpus.person_accuracy(), 0.9523), "{}", corpus.person_accuracy());
    for (share, expected) in [(0.05, 0.9548), (0.1, 0.9644), (0.2, 0.9712)] {
        let found = corpus.replaced_accuracy(share);
        assert!(is_near(found, expected), "{share}: {found}");
    }
    assert!((corpus.oracle_coverage(0.01) - 0.81).abs() < 0.005, "{}", corpus.oracle_coverage(0.01));
}

/// Two classes count; the model announces class 0 with the given confidence.
fn image(truth: usize, votes: [u32; 2], confidence: f64) -> Image {
    let mut image = Image { truth, votes: [0; 10], probabilities: [0.0; 10] };
    image.votes[..2].copy_from_slice(&votes);
    image.probabilities[..2].copy_from_slice(&[confidence, 1.0 - confidence]);
    image
}

#[test]
fn shares_are_those_that_are_counted_by_hand() {
    let images =
        vec![image(0, [4, 0], 0.9), image(1, [1, 3], 0.6), image(0, [2, 2], 0.7), image(1, [0, 4], 0.8)];
    let corpus = Corpus { images };
    assert!(is_near(corpus.model_accuracy(), 0.5));
    assert!(is_near(corpus.person_accuracy(), (1.0 + 0.75 + 0.5 + 1.0) / 4.0));
    // The least sure is the second image: the model was wrong, three of four people are right.
    assert!(is_near(corpus.replaced_accuracy(0.25), (1.0 + 0.75 + 1.0) / 4.0));
    // By confidence right, wrong, right, wrong: of the first three a third is wrong.
    assert!(is_near(corpus.oracle_coverage(0.34), 0.75) && is_near(corpus.oracle_coverage(0.3), 0.25));
}

#[test]
fn a_split_is_a_half_each_and_the_same_for_the_same_seed() {
    let corpus = Corpus { images: vec![image(0, [1, 0], 0.9); 100] };
    let [first, second] = corpus.halves(7);
    let mut all = [first.clone(), second].concat();
    all.sort_unstable();
    assert_eq!((first.len(), all), (50, (0..100).collect()));
    assert_eq!(corpus.halves(7)[0], first);
    assert_ne!(corpus.halves(8)[0], first);
}

#[test]
fn trials_count_what_is_handled_wrong_and_refused() {
    // The sure half is right, the others are wrong.
    let images = (0..100).map(|n| image(n % 2, [1, 1], if n % 2 == 0 { 0.9 } else { 0.6 })).collect();
    let corpus = Corpus { images };
    let halves = |number| corpus.halves(number);
    let careful = corpus.trials(20, 0.1, halves, |_| Some(|confidence: f64| confidence > 0.7));
    assert_eq!((careful.broken, careful.refused), (0, 0));
    assert!((careful.coverage - 0.5).abs() < 0.1 && careful.risk.abs() < 1e-12);
    let careless = corpus.trials(20, 0.1, halves, |_| Some(|_: f64| true));
    assert_eq!(careless.broken, 20);
    assert!(is_near(careless.coverage, 1.0) && (careless.risk - 0.5).abs() < 0.1);
    let refused = corpus.trials(20, 0.1, halves, |_| None::<fn(f64) -> bool>);
    assert_eq!((refused.refused, refused.broken), (20, 0));
    assert!(refused.coverage.abs() < 1e-12);
    // All images are counted, so that exactly half of them are wrong.
    let redrawn = corpus.trials(
        20,
        0.5,
        |number| corpus.redrawn(number),
        |drawn| {
            assert_eq!(drawn.len(), 50);
            Some(|_: f64| true)
        },
    );
    assert!(redrawn.broken == 0 && is_near(redrawn.risk, 0.5));
}

#[test]
fn what_cannot_be_used_is_named_with_its_place() {
    let good = "3,0,0,0,5,0,0,0,0,0,0,0,0,0,1,0,0,0,0,0,0\n";
    let open = |rows: &str| {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("resnet-110.csv"), rows).unwrap();
        Corpus::open(folder.path())
    };
    let corpus = open(good).unwrap();
    assert_eq!((corpus.images[0].truth, corpus.images[0].announced(), corpus.images[0].people()), (3, 3, 5));
    for (row, reason) in [
        ("10,0,0,0,5,0,0,0,0,0,0,0,0,0,1,0,0,0,0,0,0", "row 2: the class is none of 0 to 9"),
        ("3,0,0,0,0,0,0,0,0,0,0,0,0,0,1,0,0,0,0,0,0", "row 2: nobody has answered"),
        ("3,0,0,0,5,0,0,0,0,0,0,0,0,0,2,0,0,0,0,0,0", "row 2: 2 is no probability"),
        ("3,0,0,0,x,0,0,0,0,0,0,0,0,0,1,0,0,0,0,0,0", "row 2: \"x\" is no number"),
        ("3,0,0,0,.5,0,0,0,0,0,0,0,0,0,1,0,0,0,0,0,0", "row 2: a count of votes is no whole number"),
    ] {
        let error = open(&format!("{good}{row}\n")).unwrap_err().to_string();
        assert!(error.contains(reason), "{error}");
    }
    assert!(open("3,1\n").unwrap_err().to_string().contains("row 1: has 2 columns, expected 21"));
    assert!(open("").unwrap_err().to_string().contains("row 1: there is none"));
    assert!(Corpus::open(std::path::Path::new("nowhere")).unwrap_err().to_string().contains("nowhere"));
}
