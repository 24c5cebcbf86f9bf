// What the pages are made of: text, and pictures with the gradients and the grain of photographs. The same each time.

function random(seed) {
    let state = seed;
    return () => {
        state = (state * 1664525 + 1013904223) % 4294967296;
        return state / 4294967296;
    };
}

const WORDS =
    "a the of in to and on from with by at harbour morning engineers report river council station weather season bridge " +
    "library question market plan window letter village number forest machine paper road winter harvest travel public " +
    "after before between without several recent earlier northern local quiet long open said found built moved began";

export function words(count) {
    const list = WORDS.split(" ");
    const next = random(7);
    const text = [];
    for (let i = 0; i < count; i++) {
        const word = list[Math.floor(next() * list.length)];
        text.push(i % 17 === 0 ? word[0].toUpperCase() + word.slice(1) : i % 17 === 16 ? word + "." : word);
    }
    return text.join(" ");
}

// Noise of several sizes laid over one another, smooth between its points: clouds, hills, leaves.
function roughness(seed) {
    const next = random(seed);
    const grid = Array.from({ length: 4096 }, next);
    const at = (x, y) => grid[((y & 63) << 6) | (x & 63)];
    const smooth = (x, y) => {
        const [left, top] = [Math.floor(x), Math.floor(y)];
        const [u, v] = [x - left, y - top];
        const above = at(left, top) * (1 - u) + at(left + 1, top) * u;
        const below = at(left, top + 1) * (1 - u) + at(left + 1, top + 1) * u;
        return above * (1 - v) + below * v;
    };
    return (x, y) => smooth(x, y) / 2 + smooth(x * 2.1, y * 2.1) / 4 + smooth(x * 4.3, y * 4.3) / 8 + smooth(x * 9, y * 9) / 8;
}

export function paintLandscape(canvas, seed) {
    const context = canvas.getContext("2d");
    const { width, height } = canvas;
    const image = context.createImageData(width, height);
    const rough = roughness(seed);
    const grain = random(seed + 100);
    for (let y = 0; y < height; y++) {
        for (let x = 0; x < width; x++) {
            const hill = 0.45 + 0.3 * rough(x / 60, 3);
            const sky = y / height < hill;
            const n = rough(x / 24, (y * (sky ? 2 : 1)) / 24) + (grain() - 0.5) * 0.04;
            const base = sky ? [120 + 90 * n, 160 + 70 * n, 225] : [50 + 90 * n, 80 + 100 * n, 30 + 60 * n];
            const at = 4 * (y * width + x);
            base.forEach((value, channel) => (image.data[at + channel] = value));
            image.data[at + 3] = 255;
        }
    }
    context.putImageData(image, 0, 0);
}
