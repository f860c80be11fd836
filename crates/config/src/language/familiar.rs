//! What other tools call things: PyTorch and Lightning, Keras, Ultralytics, Hydra, timm, scikit-learn.

/// What a name of another tool is called in this language.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Equivalent {
    /// A key by its path, or an option of a layer: `linear.out_features`.
    Key(&'static str),
    /// A layer.
    Layer(&'static str),
    /// A value.
    Word(&'static str),
    /// There is no equivalent: why, or what takes its place.
    Note(&'static str),
}

/// Names of other tools with their equivalents. Names are in lower case, without hyphens and
/// underscores; those with the same equivalent stand in one string, separated by spaces.
pub(crate) type Equivalents = &'static [(&'static str, Equivalent)];

/// Names of keys.
pub(crate) const KEYS: Equivalents = &[
    (
        "pinmemory persistentworkers prefetchfactor",
        Equivalent::Note("batches are always prefetched, by all threads; there is nothing to set"),
    ),
    ("cacheimages cachedir", Equivalent::Key("data.cache")),
    (
        "imagesize resizeto targetsize",
        Equivalent::Key("data.resize"),
    ),
    (
        "shorterside shortestedge smallestsize",
        Equivalent::Key("data.resize.shorter"),
    ),
    (
        "centercrop centrecrop cropsize",
        Equivalent::Key("data.center_crop"),
    ),
    (
        "letterbox padtosquare squarepad pad padding",
        Equivalent::Key("data.pad_to_square"),
    ),
    (
        "ram memory maxmemory cachesize",
        Equivalent::Key("data.memory_limit"),
    ),
    (
        "kfold nsplits nfolds cv kfolds",
        Equivalent::Key("data.folds"),
    ),
    (
        "stratified stratifyby stratifiedsplit stratifiedkfold stratifiedshufflesplit",
        Equivalent::Key("data.stratify"),
    ),
    (
        "maxsamples fraction subset nsamples maxtrainsamples",
        Equivalent::Key("data.limit_train"),
    ),
    (
        "maxevalsamples maxvalsamples",
        Equivalent::Key("data.limit_eval"),
    ),
    (
        "weightedrandomsampler oversample balance balanced",
        Equivalent::Key("data.sampler"),
    ),
    (
        "ignoreerrors skipbad skipcorrupt onerror",
        Equivalent::Key("data.on_bad_image"),
    ),
    (
        "dataformat datatype datasetformat",
        Equivalent::Key("data.format"),
    ),
    (
        "imagestats meanstd normalization",
        Equivalent::Key("data.normalize"),
    ),
    ("fakedata dummydata toy", Equivalent::Key("data.synthetic")),
    (
        "callbacks plugins",
        Equivalent::Note("instead of callbacks, use [early_stop] and [checkpoint]"),
    ),
    (
        "warmupsteps numwarmupsteps warmupiters",
        Equivalent::Note("use `schedule.warmup`, the length of the warm-up in epochs"),
    ),
    (
        "lrf finallr minlr",
        Equivalent::Note(
            "use `schedule.cosine.eta_min`, which is the lowest learning rate, not a factor",
        ),
    ),
    ("onecycle onecyclelr", Equivalent::Key("schedule.one_cycle")),
    (
        "reducelronplateau plateau",
        Equivalent::Key("schedule.reduce_on_plateau"),
    ),
    (
        "labelsmoothing smoothing",
        Equivalent::Key("loss.cross_entropy.label_smoothing"),
    ),
    (
        "classweight classweights weight",
        Equivalent::Key("loss.cross_entropy.class_weights"),
    ),
    ("focalloss focalgamma", Equivalent::Key("loss.focal")),
    (
        "ema modelema emadecay modelemadecay useema",
        Equivalent::Key("training.ema_decay"),
    ),
    (
        "initializer kernelinitializer weightinit initialization",
        Equivalent::Key("model.init"),
    ),
    ("topk", Equivalent::Key("metrics.top_k")),
    (
        "pretrained pretrainedweights weights finetune finetunefrom initfrom startfrom checkpointpath",
        Equivalent::Key("model.weights"),
    ),
    (
        "freeze frozen freezelayers trainable requiresgrad paramgroups parametergroups",
        Equivalent::Key("training.groups"),
    ),
    (
        "limittrainbatches limitvalbatches overfitbatches stepsperepoch valcheckinterval",
        Equivalent::Note(
            "an epoch is one pass over all training images; to use fewer, set `data.limit_train`; \
             to try two batches, use `runner check --fast-dev-run`",
        ),
    ),
    (
        "minepochs initialepoch startepoch",
        Equivalent::Note("a run starts at epoch 1; to continue one, use `runner resume`"),
    ),
    (
        "strategy numnodes syncbatchnorm ddp",
        Equivalent::Note(
            "distributed training is not supported: a run is one process on one device",
        ),
    ),
    (
        "dirpath filename filepath saveweightsonly",
        Equivalent::Note(
            "complete checkpoints are always written to the run directory; there is nothing to set",
        ),
    ),
    (
        "hydra target",
        Equivalent::Note(
            "objects are not instantiated by class name: name the layer, optimizer or schedule itself",
        ),
    ),
    ("metric", Equivalent::Key("early_stop.monitor")),
    ("delta", Equivalent::Key("early_stop.min_delta")),
    (
        "checkvaleverynepoch valinterval evalinterval validationfreq evaluateevery valevery evalevery",
        Equivalent::Key("training.eval_every_epochs"),
    ),
    (
        "gradclip gradientclipval clipgradnorm maxgradnorm clipnorm globalclipnorm clipgrad",
        Equivalent::Key("training.clip_grad_norm"),
    ),
    (
        "clipvalue clipgradvalue gradientclipvalue",
        Equivalent::Key("training.clip_grad_value"),
    ),
    (
        "accumulategradbatches gradientaccumulationsteps accumulate accumsteps gradaccumsteps",
        Equivalent::Key("training.accumulate_grad_batches"),
    ),
    (
        "maxsteps numsteps steps totalsteps maxiters",
        Equivalent::Note(
            "the length of a run is set in `epochs`; `runner check` shows how many steps that is",
        ),
    ),
    ("criterion lossfn objective", Equivalent::Key("loss")),
    (
        "logger loggers wandb tensorboard logeverynsteps",
        Equivalent::Note(
            "every run writes all its metrics to metrics.csv; there is nothing to set",
        ),
    ),
    (
        "augment augmentation augmentations transforms transform",
        Equivalent::Key("data.augment"),
    ),
    (
        "valbatchsize evalbatchsize perdeviceevalbatchsize testbatchsize",
        Equivalent::Note("evaluation uses `training.batch_size` too; there is nothing to set"),
    ),
    (
        "valsplit validationsplit valfraction testsize holdout",
        Equivalent::Key("data.validation"),
    ),
    (
        "restorebestweights loadbestmodelatend",
        Equivalent::Note(
            "`checkpoint.keep_best` keeps the best checkpoints along with the newest; there is \
             nothing to set",
        ),
    ),
    (
        "lr lr0 maxlr baselr initlr initiallr lrinit learningrateinit eta stepsize",
        Equivalent::Key("training.learning_rate"),
    ),
    (
        "maxepochs numepochs nepochs numtrainepochs trainepochs nbepochs niter maxiter",
        Equivalent::Key("training.epochs"),
    ),
    (
        "bs batch trainbatchsize trainbatch pertraindevicebatchsize perdevicetrainbatchsize minibatchsize batchsizetrain nbatch",
        Equivalent::Key("training.batch_size"),
    ),
    (
        "scheduler lrscheduler lrschedule sched lrpolicy",
        Equivalent::Key("schedule"),
    ),
    ("warmupepochs warmuplr", Equivalent::Key("schedule.warmup")),
    (
        "coslr cosinelr cosineannealing cosineannealinglr",
        Equivalent::Key("schedule.cosine"),
    ),
    ("steplr", Equivalent::Key("schedule.step")),
    ("multisteplr", Equivalent::Key("schedule.multi_step")),
    ("exponentiallr", Equivalent::Key("schedule.exponential")),
    (
        "maxtime timelimit maxhours timelimitminutes budget",
        Equivalent::Key("training.max_minutes"),
    ),
    (
        "randomseed randomstate manualseed rngseed seedeverything prngseed",
        Equivalent::Key("seed"),
    ),
    (
        "accelerator devices gpus gpu cuda usecuda usegpu",
        Equivalent::Key("device"),
    ),
    (
        "experimentname runname expname experiment jobname",
        Equivalent::Key("name"),
    ),
    (
        "datadir dataroot datapath root dataset datasetpath datasetroot folder directory dir",
        Equivalent::Key("data.path"),
    ),
    (
        "traindir trainpath trainroot traindata traindataset trainset",
        Equivalent::Key("data.train"),
    ),
    (
        "val valid valdir valpath valdata valdataset validationdata evalpath evaldata",
        Equivalent::Key("data.eval"),
    ),
    (
        "testdir testpath testdata testdataset",
        Equivalent::Key("data.test"),
    ),
    ("rescale rescalefactor", Equivalent::Key("data.scale")),
    (
        "imagemean pixelmean",
        Equivalent::Key("data.normalize.mean"),
    ),
    ("imagestd pixelstd", Equivalent::Key("data.normalize.std")),
    (
        "imgsz imgsize imagesize inputsize inputshape insize resolution",
        Equivalent::Key("model.input"),
    ),
    (
        "network architecture arch net backbone",
        Equivalent::Key("model"),
    ),
    ("modules blocks stages", Equivalent::Key("model.layers")),
    (
        "beta1 beta2 adambeta1",
        Equivalent::Key("optimizer.adam.betas"),
    ),
    (
        "epsilon adamepsilon opteps",
        Equivalent::Key("optimizer.adam.eps"),
    ),
    (
        "decay l2 l2reg l2regularization wd",
        Equivalent::Key("optimizer.adam.weight_decay"),
    ),
    ("optim opt", Equivalent::Key("optimizer")),
    (
        "train trainer fit hyperparameters hparams",
        Equivalent::Key("training"),
    ),
    (
        "datamodule dataloader dataloaders input",
        Equivalent::Key("data"),
    ),
    (
        "earlystopping earlystop earlystoppingcallback",
        Equivalent::Key("early_stop"),
    ),
    (
        "earlystoppingpatience noimprovement",
        Equivalent::Key("early_stop.patience"),
    ),
    (
        "threshold tolerance tol mindeltaearlystopping",
        Equivalent::Key("early_stop.min_delta"),
    ),
    (
        "checkpoints modelcheckpoint checkpointing ckpt saving",
        Equivalent::Key("checkpoint"),
    ),
    (
        "savetopk savebest savebestonly keepbestn",
        Equivalent::Key("checkpoint.keep_best"),
    ),
    (
        "savelast savetotallimit maxtokeep keeplastn totallimit",
        Equivalent::Key("checkpoint.keep_last"),
    ),
    (
        "everynepochs saveperiod savefreq saveevery checkpointinterval period",
        Equivalent::Key("checkpoint.every_epochs"),
    ),
    (
        "everyntrainsteps savesteps everynsteps",
        Equivalent::Key("checkpoint.every_steps"),
    ),
    (
        "traintimeinterval",
        Equivalent::Key("checkpoint.every_minutes"),
    ),
    (
        "defaults base inherit inherits include import parent",
        Equivalent::Key("extends"),
    ),
    (
        "numworkers workers nworkers njobs numthreads threads",
        Equivalent::Note(
            "there are no loader processes; `--threads N` on the command line sets how many \
             threads compute, and as many decode images",
        ),
    ),
    (
        "outputdir outdir savedir logdir defaultrootdir project workdir",
        Equivalent::Note(
            "use `--out DIR` on the command line to set the folder for run directories",
        ),
    ),
    (
        "shuffle droplast",
        Equivalent::Note(
            "every epoch is shuffled anew from `seed` and uses every image, unless `data.sampler` \
             is \"balanced\"",
        ),
    ),
    (
        "amp precision fp16 bf16 half dtype mixedprecision",
        Equivalent::Note("mixed precision is not supported: training uses 32-bit floats"),
    ),
    (
        "deterministic benchmark cudnnbenchmark",
        Equivalent::Note("every run is deterministic; there is nothing to set"),
    ),
    (
        "numclasses nc nclasses",
        Equivalent::Note(
            "the number of classes is `out_features` of the last linear layer, or `model.classes` \
             with a preset",
        ),
    ),
    (
        "resume resumefrom resumefromcheckpoint ckptpath",
        Equivalent::Note("to continue a run, use `runner resume RUN`"),
    ),
    (
        "fastdevrun",
        Equivalent::Note("use `runner check CONFIG --fast-dev-run`"),
    ),
    (
        "verbose quiet loglevel progressbar enableprogressbar",
        Equivalent::Note("use `-q` on the command line to silence a run"),
    ),
];

/// Names of layers.
pub(crate) const LAYERS: Equivalents = &[
    (
        "avgpool averagepooling2d averagepooling",
        Equivalent::Layer("avg_pool2d"),
    ),
    (
        "adaptivemaxpool2d",
        Equivalent::Note(
            "this pooling is not supported: use `max_pool2d` for the maximum of each window, or \
             `adaptive_avg_pool2d` for means with a fixed output size",
        ),
    ),
    ("swish", Equivalent::Layer("silu")),
    ("hswish", Equivalent::Layer("hard_swish")),
    (
        "selu mish celu glu rrelu hardsigmoid hardtanh softsign logsigmoid",
        Equivalent::Note("this activation is not supported; use relu, gelu, silu, elu or another"),
    ),
    ("ln", Equivalent::Layer("layer_norm")),
    ("gn groupnormalization", Equivalent::Layer("group_norm")),
    ("instancenorm", Equivalent::Layer("instance_norm2d")),
    (
        "batchnorm3d syncbatchnorm localresponsenorm lrn",
        Equivalent::Note(
            "this normalization is not supported; use batch_norm2d, group_norm or layer_norm",
        ),
    ),
    (
        "conv1d conv3d",
        Equivalent::Note("images have two dimensions: use `conv2d`"),
    ),
    (
        "conv2dtranspose deconv deconvolution convtranspose",
        Equivalent::Layer("conv_transpose2d"),
    ),
    (
        "depthwiseconv2d separableconv2d depthwise",
        Equivalent::Note(
            "use a `conv2d` with as many `groups` as channels; for a separable convolution, add a \
             `conv2d` with kernel_size 1",
        ),
    ),
    (
        "spatialdropout2d featuredropout",
        Equivalent::Layer("dropout2d"),
    ),
    (
        "alphadropout droppath stochasticdepth dropblock",
        Equivalent::Note("this kind of dropout is not supported; use `dropout` or `dropout2d`"),
    ),
    (
        "add skip shortcut resblock residualblock basicblock",
        Equivalent::Layer("residual"),
    ),
    (
        "unset",
        Equivalent::Note("an array is replaced as a whole: leave the element out"),
    ),
    (
        "conv convolution convolution2d conv2 cnn",
        Equivalent::Layer("conv2d"),
    ),
    (
        "dense fc fullyconnected lin affine innerproduct",
        Equivalent::Layer("linear"),
    ),
    (
        "batchnormalization batchnorm bn bn2d norm",
        Equivalent::Layer("batch_norm2d"),
    ),
    (
        "maxpooling2d maxpool maxpooling pool mp subsampling",
        Equivalent::Layer("max_pool2d"),
    ),
    (
        "globalaveragepooling2d globalavgpool2d globalaveragepooling gap",
        Equivalent::Layer("global_avg_pool"),
    ),
    ("adaptiveavgpool", Equivalent::Layer("adaptive_avg_pool2d")),
    ("activation rectifier relulayer", Equivalent::Layer("relu")),
    ("reshape view flat", Equivalent::Layer("flatten")),
    ("drop", Equivalent::Layer("dropout")),
    (
        "softmax logsoftmax",
        Equivalent::Note(
            "leave it out: the loss takes the raw scores (logits) of the last linear layer",
        ),
    ),
    (
        "input inputlayer",
        Equivalent::Note("leave it out: `model.input` is the shape of one image"),
    ),
];

/// Names of layers' options.
pub(crate) const OPTIONS: Equivalents = &[
    (
        "ceilmode",
        Equivalent::Note(
            "sizes are always rounded down, PyTorch's default; there is nothing to set",
        ),
    ),
    (
        "paddingmode",
        Equivalent::Note("padding is always zeros; there is nothing to set"),
    ),
    (
        "startdim enddim",
        Equivalent::Note("all dimensions but the batch are flattened; there is nothing to set"),
    ),
    (
        "act norm bn batchnorm batchnormalization",
        Equivalent::Note(
            "add it as a separate layer after this one, for example \"relu\" or \"batch_norm2d\"",
        ),
    ),
    (
        "filters channels outchannel nfilters nout outplanes out",
        Equivalent::Key("conv2d.out_channels"),
    ),
    (
        "units outfeature features hidden size outputdim outdim",
        Equivalent::Key("linear.out_features"),
    ),
    (
        "kernel kernelshape poolsize window windowsize k ksize",
        Equivalent::Key("conv2d.kernel_size"),
    ),
    (
        "kernelinitializer initializer weightinit",
        Equivalent::Key("conv2d.init"),
    ),
    ("strides step s", Equivalent::Key("conv2d.stride")),
    ("pad paddings", Equivalent::Key("conv2d.padding")),
    ("dilationrate dilations", Equivalent::Key("conv2d.dilation")),
    ("usebias hasbias", Equivalent::Key("conv2d.bias")),
    (
        "rate prob dropoutrate dropprob probability dropout",
        Equivalent::Key("dropout.p"),
    ),
    ("epsilon", Equivalent::Key("batch_norm2d.eps")),
    (
        "outputshape outsize",
        Equivalent::Key("adaptive_avg_pool2d.output_size"),
    ),
    (
        "inplace",
        Equivalent::Note("memory is reused where possible; there is nothing to set"),
    ),
    (
        "activation",
        Equivalent::Note(
            "add the activation as a separate layer after this one, for example \"relu\"",
        ),
    ),
    (
        "affine trackrunningstats",
        Equivalent::Note(
            "batch norms always have weights and running statistics; there is nothing to set",
        ),
    ),
];

/// Values of keys that name a column or a device.
pub(crate) const WORDS: Equivalents = &[
    (
        "valloss validationloss testloss loss",
        Equivalent::Word("eval_loss"),
    ),
    (
        "valacc valaccuracy accuracy acc testaccuracy testacc top1 metrics/accuracytop1 validationaccuracy",
        Equivalent::Word("eval_accuracy"),
    ),
    ("valf1 f1 f1score f1macro", Equivalent::Word("eval_f1")),
    ("trainacc", Equivalent::Word("train_accuracy")),
    (
        "henormal heinit kaiming",
        Equivalent::Word("kaiming_normal"),
    ),
    ("heuniform", Equivalent::Word("kaiming_uniform")),
    ("glorotuniform xavier", Equivalent::Word("xavier_uniform")),
    ("glorotnormal", Equivalent::Word("xavier_normal")),
    (
        "crossentropyloss categoricalcrossentropy sparsecategoricalcrossentropy ce",
        Equivalent::Word("cross_entropy"),
    ),
    (
        "hflip horizontalflip randomflip fliplr flip",
        Equivalent::Word("random_horizontal_flip"),
    ),
    (
        "vflip verticalflip flipud",
        Equivalent::Word("random_vertical_flip"),
    ),
    ("crop pad randompad", Equivalent::Word("random_crop")),
    (
        "rotation rotate degrees",
        Equivalent::Word("random_rotation"),
    ),
    ("affine shear", Equivalent::Word("random_affine")),
    (
        "shift translate translation randomtranslation",
        Equivalent::Word("random_shift"),
    ),
    ("scale zoom randomzoom", Equivalent::Word("random_scale")),
    (
        "colourjitter jitter brightness contrast saturation hue",
        Equivalent::Word("color_jitter"),
    ),
    (
        "resizedcrop randomresizecrop randomsizedcrop inceptioncrop",
        Equivalent::Word("random_resized_crop"),
    ),
    (
        "trivialaugmentwide trivial tawide",
        Equivalent::Word("trivial_augment"),
    ),
    (
        "randaug randomaugment autoaugment autoaug",
        Equivalent::Word("rand_augment"),
    ),
    (
        "grayscale greyscale randomgreyscale togray",
        Equivalent::Word("random_grayscale"),
    ),
    (
        "blur randomblur randomgaussianblur",
        Equivalent::Word("gaussian_blur"),
    ),
    (
        "erasing cutout randomcutout",
        Equivalent::Word("random_erasing"),
    ),
    (
        "noise gaussnoise randomnoise",
        Equivalent::Word("gaussian_noise"),
    ),
    ("mixupalpha", Equivalent::Word("mixup")),
    ("cutmixalpha", Equivalent::Word("cutmix")),
    ("weighted classbalanced", Equivalent::Word("balanced")),
    ("imagefolder folder", Equivalent::Word("image_folder")),
    ("manifest", Equivalent::Word("csv")),
    ("mnist ubyte", Equivalent::Word("idx")),
    ("minimum minimize lower", Equivalent::Word("min")),
    ("maximum maximize higher", Equivalent::Word("max")),
    ("gpu nvidia cuda:", Equivalent::Word("cuda")),
    (
        "mps metal xpu rocm hip tpu wgpu vulkan",
        Equivalent::Note("this backend is not supported: use \"auto\" or \"cpu\""),
    ),
    (
        "auto",
        Equivalent::Note("leave it out: it is derived from the monitor"),
    ),
];

/// The equivalent of a name in one of the tables.
pub(crate) fn find(table: Equivalents, name: &str) -> Option<Equivalent> {
    let folded = fold(name);
    table
        .iter()
        .find(|(names, _)| names.split(' ').any(|name| name == folded))
        .map(|(_, here)| *here)
}

/// A name as the tables spell it: without capitals, hyphens, underscores and spaces.
pub(crate) fn fold(name: &str) -> String {
    name.chars()
        .filter(|c| !matches!(c, '_' | '-' | ' '))
        .flat_map(char::to_lowercase)
        .collect()
}
