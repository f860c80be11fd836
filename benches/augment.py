"""Images per second of torchvision's transforms of uint8 tensors, one image at a time.

    python benches/augment.py

Each line has the step, the side of the images, images per second and milliseconds of CPU time per image. Each step is
measured in two ways, on torch's two threads and with two Python threads of one torch thread each, and the faster one
counts.

Made for Python 3.11, torch 2.15.0 and torchvision 0.29.2.
"""

import time
from concurrent.futures import ThreadPoolExecutor

import torch
from torchvision.transforms import v2

IMAGES = 64
LEAST = 1.0  # seconds


def steps(side):
    return {
        "none": torch.clone,
        "random_horizontal_flip": v2.RandomHorizontalFlip(),
        "random_crop": v2.RandomCrop(side, padding=4),
        "random_resized_crop": v2.RandomResizedCrop(side, antialias=True),
        "random_rotation": v2.RandomRotation(15, interpolation=v2.InterpolationMode.BILINEAR),
        "random_affine": v2.RandomAffine(
            15, (0.1, 0.1), (0.9, 1.1), 5, interpolation=v2.InterpolationMode.BILINEAR
        ),
        "color_jitter": v2.ColorJitter(0.4, 0.4, 0.4, 0.1),
        "random_grayscale": v2.RandomGrayscale(1.0),
        "gaussian_blur": v2.GaussianBlur(5),
        "random_erasing": v2.RandomErasing(1.0),
        "trivial_augment": v2.TrivialAugmentWide(),
        "rand_augment": v2.RandAugment(),
    }


def rate(run):
    """Images per second, and milliseconds of CPU time per image."""
    run()
    start, before = time.perf_counter(), time.process_time()
    rounds = 0
    while time.perf_counter() - start < LEAST:
        run()
        rounds += 1
    images = rounds * IMAGES
    seconds, cpu = time.perf_counter() - start, time.process_time() - before
    return images / seconds, 1000 * cpu / images


def main():
    torch.manual_seed(1)
    with ThreadPoolExecutor(2) as pool:
        for side in (224, 32):
            images = torch.randint(0, 256, (IMAGES, 3, side, side), dtype=torch.uint8)
            for name, step in steps(side).items():

                def in_turn(images=images, step=step):
                    for image in images:
                        step(image)

                torch.set_num_threads(2)
                ways = [rate(in_turn)]
                torch.set_num_threads(1)
                halves = images.chunk(2)
                ways.append(rate(lambda: list(pool.map(in_turn, halves))))
                images_a_second, cpu = max(ways)
                print(f"{name} {side} {images_a_second:.0f} {cpu:.3f}", flush=True)


if __name__ == "__main__":
    main()
