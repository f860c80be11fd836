class Residual(nn.Module):
    """The sum of two branches that take the same input; a branch without layers is the input itself."""

    def __init__(self, layers, shortcut):
        super().__init__()
        self.layers = nn.Sequential(*layers)
        self.shortcut = nn.Sequential(*shortcut)

    def forward(self, x):
        return self.layers(x) + self.shortcut(x)


class Network(nn.Module):
    """From what `preprocess` gives to logits [batch, classes]."""

    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(
@LAYERS@        )

    def forward(self, images):
        return self.layers(images)


def load(weights=Path(__file__).with_suffix(".pt")):
    """The network with its weights, for evaluation."""
    network = Network()
    network.load_state_dict(torch.load(weights, weights_only=True))
    return network.eval()


def preprocess(pixels):
    """From bytes [batch, channels, height, width] to what the network takes."""
    images = pixels.float() * SCALE
    if MEAN is not None:
        images = (images - torch.tensor(MEAN).view(-1, 1, 1)) / torch.tensor(STD).view(-1, 1, 1)
    return images


def centered(image, height, width, fill=0):
    """The middle of an image of Pillow's, with bars where it is smaller."""

    def start(length, part):
        return round((length - part) / 2) if length > part else -((part - length) // 2)

    color = fill if CHANNELS == 1 else (fill,) * CHANNELS
    canvas = Image.new(image.mode, (width, height), color)
    canvas.paste(image, (-start(image.width, width), -start(image.height, height)))
    return canvas


def read_image(path):
    """The pixels of an image file, prepared as in the run: bytes [1, channels, height, width]."""
    image = Image.open(path)
    if image.mode.startswith("I"):
        raise SystemExit(f"{path}: the image has more than 8 bits a sample")
@GEOMETRY@    if (image.width, image.height) != (WIDTH, HEIGHT):
        raise SystemExit(f"{path}: the image is {image.width}x{image.height}, but the network takes {WIDTH}x{HEIGHT}")
    pixels = torch.frombuffer(bytearray(image.tobytes()), dtype=torch.uint8)
    return pixels.view(1, HEIGHT, WIDTH, CHANNELS).permute(0, 3, 1, 2)


def main():
    if len(sys.argv) < 2:
        raise SystemExit(f"usage: python {Path(__file__).name} IMAGE ...")
    network = load()
    for path in sys.argv[1:]:
        with torch.inference_mode():
            probabilities = network(preprocess(read_image(path))).softmax(1)[0]
        best = int(probabilities.argmax())
        print(f"{path}: {CLASSES[best]} {probabilities[best]:.4f}")


if __name__ == "__main__":
    main()
