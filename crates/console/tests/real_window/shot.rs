//! What was on the screen, as pixels.

use bevy::{
    asset::RenderAssetUsages,
    image::{CompressedImageFormats, Image, ImageSampler, ImageType},
};
use std::{collections::BTreeSet, fs, ops::Range, path::Path};
use watchkeeper_panels::theme::Rgb;

/// Pixels, row by row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Shot {
    pub(crate) width: usize,
    pub(crate) height: usize,
    /// Four bytes each, one of which means nothing.
    pixels: Vec<u8>,
    /// Blue comes first, not red.
    is_bgr: bool,
}

impl Shot {
    /// Takes pixels as an X server sends them.
    pub(crate) fn of_bgrx(width: usize, height: usize, mut pixels: Vec<u8>) -> Self {
        pixels.truncate(width * height * 4);
        assert_eq!(pixels.len(), width * height * 4, "32 bits a pixel");
        Self { width, height, pixels, is_bgr: true }
    }

    /// Reads a PNG.
    pub(crate) fn of_png(file: &Path) -> Self {
        let image = Image::from_buffer(
            &fs::read(file).unwrap(),
            ImageType::Extension("png"),
            CompressedImageFormats::NONE,
            true,
            ImageSampler::Default,
            RenderAssetUsages::all(),
        )
        .unwrap();
        let (width, height) = (image.width() as usize, image.height() as usize);
        let pixels = image.data.unwrap();
        assert_eq!(pixels.len(), width * height * 4, "8 bits a channel, four channels");
        Self { width, height, pixels, is_bgr: false }
    }

    fn colours(&self) -> impl Iterator<Item = Rgb> {
        let (red, blue) = if self.is_bgr { (2, 0) } else { (0, 2) };
        self.pixels.chunks_exact(4).map(move |pixel| Rgb(pixel[red], pixel[1], pixel[blue]))
    }

    /// Writes it as a portable pixmap, for whoever looks into a failure.
    pub(crate) fn save(&self, file: &Path) {
        let mut bytes = format!("P6 {} {} 255\n", self.width, self.height).into_bytes();
        bytes.extend(self.colours().flat_map(|Rgb(red, green, blue)| [red, green, blue]));
        fs::write(file, bytes).unwrap();
    }

    /// Returns how many colours there are.
    pub(crate) fn distinct(&self) -> usize {
        self.colours().map(|Rgb(red, green, blue)| [red, green, blue]).collect::<BTreeSet<_>>().len()
    }

    /// Returns how many pixels have this colour, to within what rounding does.
    pub(crate) fn count(&self, colour: Rgb) -> usize {
        self.colours().filter(|other| is_near(*other, colour)).count()
    }

    /// Returns the share of pixels that have any other colour, 0 to 1.
    pub(crate) fn share_beside(&self, colour: Rgb) -> f64 {
        1.0 - self.count(colour) as f64 / (self.width * self.height) as f64
    }

    /// Returns how many pixels differ within a rectangle of columns and rows.
    pub(crate) fn changes(&self, other: &Self, columns: Range<usize>, rows: Range<usize>) -> usize {
        assert_eq!((self.width, self.height), (other.width, other.height));
        let differ = |row: usize| {
            let part = (row * self.width + columns.start) * 4..(row * self.width + columns.end) * 4;
            let (mine, others) = (&self.pixels[part.clone()], &other.pixels[part]);
            mine.chunks_exact(4).zip(others.chunks_exact(4)).filter(|(a, b)| a != b).count()
        };
        rows.map(differ).sum()
    }
}

fn is_near(a: Rgb, b: Rgb) -> bool {
    const ROUNDING: u8 = 2;
    a.0.abs_diff(b.0) <= ROUNDING && a.1.abs_diff(b.1) <= ROUNDING && a.2.abs_diff(b.2) <= ROUNDING
}
