//! What other tools call things: PyTorch and Lightning, Keras, Ultralytics, Hydra, timm, scikit-learn.

/// What a name from elsewhere is here.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Here {
    /// A key, under its path; of a layer, `linear.out_features`.
    Key(&'static str),
    /// A layer.
    Layer(&'static str),
    /// A value.
    Word(&'static str),
    /// No such thing, and why, or what takes its place.
    Note(&'static str),
}

/// Names, in lower case and without hyphens and underscores, and what they are here.
pub type Table = &'static [(&'static str, Here)];

/// Names of keys.
pub const KEYS: Table = &[
    (
        "pinmemory persistentworkers prefetchfactor",
        Here::Note("batches are always assembled ahead, by all threads: there is nothing to set"),
    ),
    ("cacheimages cachedir", Here::Key("data.cache")),
    ("imagesize resizeto targetsize", Here::Key("data.resize")),
    (
        "ram memory maxmemory cachesize",
        Here::Key("data.memory_limit"),
    ),
    ("kfold nsplits nfolds cv kfolds", Here::Key("data.folds")),
    (
        "maxsamples fraction subset nsamples maxtrainsamples",
        Here::Key("data.limit_train"),
    ),
    ("maxevalsamples maxvalsamples", Here::Key("data.limit_eval")),
    (
        "weightedrandomsampler oversample balance balanced",
        Here::Key("data.sampler"),
    ),
    (
        "ignoreerrors skipbad skipcorrupt onerror",
        Here::Key("data.on_bad_image"),
    ),
    (
        "dataformat datatype datasetformat",
        Here::Key("data.format"),
    ),
    (
        "imagestats meanstd normalization",
        Here::Key("data.normalize"),
    ),
    ("fakedata dummydata toy", Here::Key("data.synthetic")),
    (
        "callbacks plugins",
        Here::Note("what callbacks do elsewhere, [early_stop] and [checkpoint] do here"),
    ),
    (
        "warmupsteps numwarmupsteps warmupiters",
        Here::Note("`schedule.warmup` is the length of the warm-up, in epochs"),
    ),
    (
        "lrf finallr minlr",
        Here::Note("`schedule.cosine.eta_min` is the lowest learning rate, not a factor"),
    ),
    ("onecycle onecyclelr", Here::Key("schedule.one_cycle")),
    (
        "reducelronplateau plateau",
        Here::Key("schedule.reduce_on_plateau"),
    ),
    (
        "labelsmoothing smoothing",
        Here::Key("loss.cross_entropy.label_smoothing"),
    ),
    (
        "classweight classweights weight",
        Here::Key("loss.cross_entropy.class_weights"),
    ),
    ("focalloss focalgamma", Here::Key("loss.focal")),
    (
        "ema modelema emadecay modelemadecay useema",
        Here::Key("training.ema_decay"),
    ),
    (
        "initializer kernelinitializer weightinit initialization",
        Here::Key("model.init"),
    ),
    ("topk", Here::Key("metrics.top_k")),
    (
        "pretrained freeze weights",
        Here::Note("training starts from random values: there is nothing to set"),
    ),
    (
        "limittrainbatches limitvalbatches overfitbatches stepsperepoch valcheckinterval",
        Here::Note(
            "an epoch is all the training images; `data.limit_train` takes fewer of them, and \
             `runner check --fast-dev-run` trains two batches",
        ),
    ),
    (
        "minepochs initialepoch startepoch",
        Here::Note("a run begins with epoch 1; `runner resume` goes on with one"),
    ),
    (
        "strategy numnodes syncbatchnorm ddp",
        Here::Note("a run is one process on one device: there is nothing to set"),
    ),
    (
        "dirpath filename filepath saveweightsonly",
        Here::Note("checkpoints lie in the run directory, whole: there is nothing to set"),
    ),
    (
        "hydra target",
        Here::Note("nothing is instantiated by name: each key says what it is"),
    ),
    ("metric", Here::Key("early_stop.monitor")),
    ("delta", Here::Key("early_stop.min_delta")),
    (
        "checkvaleverynepoch valinterval evalinterval validationfreq evaluateevery valevery evalevery",
        Here::Key("training.eval_every_epochs"),
    ),
    (
        "gradclip gradientclipval clipgradnorm maxgradnorm clipnorm globalclipnorm clipgrad",
        Here::Key("training.clip_grad_norm"),
    ),
    (
        "clipvalue clipgradvalue gradientclipvalue",
        Here::Key("training.clip_grad_value"),
    ),
    (
        "accumulategradbatches gradientaccumulationsteps accumulate accumsteps gradaccumsteps",
        Here::Key("training.accumulate_grad_batches"),
    ),
    (
        "maxsteps numsteps steps totalsteps maxiters",
        Here::Note("a run is counted in `epochs`; `runner check` says how many steps they are"),
    ),
    ("criterion lossfn objective", Here::Key("loss")),
    (
        "logger loggers wandb tensorboard logeverynsteps",
        Here::Note("each run writes all its metrics to metrics.csv: there is nothing to set"),
    ),
    (
        "augment augmentation augmentations transforms transform",
        Here::Key("data.augment"),
    ),
    (
        "valbatchsize evalbatchsize perdeviceevalbatchsize testbatchsize",
        Here::Note("evaluation takes `training.batch_size` too: there is nothing to set"),
    ),
    (
        "valsplit validationsplit valfraction testsize holdout",
        Here::Key("data.validation"),
    ),
    (
        "restorebestweights loadbestmodelatend",
        Here::Note(
            "checkpoint.keep_best keeps the best checkpoints beside the last: there is nothing to set",
        ),
    ),
    (
        "lr lr0 baselr initlr initiallr lrinit learningrateinit eta stepsize",
        Here::Key("training.learning_rate"),
    ),
    (
        "maxepochs numepochs nepochs numtrainepochs trainepochs nbepochs niter maxiter",
        Here::Key("training.epochs"),
    ),
    (
        "bs batch trainbatchsize trainbatch pertraindevicebatchsize perdevicetrainbatchsize minibatchsize batchsizetrain nbatch",
        Here::Key("training.batch_size"),
    ),
    (
        "scheduler lrscheduler lrschedule sched lrpolicy",
        Here::Key("schedule"),
    ),
    ("warmupepochs warmuplr", Here::Key("schedule.warmup")),
    (
        "coslr cosinelr cosineannealing cosineannealinglr",
        Here::Key("schedule.cosine"),
    ),
    ("steplr", Here::Key("schedule.step")),
    ("multisteplr", Here::Key("schedule.multi_step")),
    ("exponentiallr", Here::Key("schedule.exponential")),
    (
        "maxtime timelimit maxhours timelimitminutes budget",
        Here::Key("training.max_minutes"),
    ),
    (
        "randomseed randomstate manualseed rngseed seedeverything prngseed",
        Here::Key("seed"),
    ),
    (
        "accelerator devices gpus gpu cuda usecuda usegpu",
        Here::Key("device"),
    ),
    (
        "experimentname runname expname experiment jobname",
        Here::Key("name"),
    ),
    (
        "datadir dataroot datapath root dataset datasetpath datasetroot folder directory dir",
        Here::Key("data.path"),
    ),
    (
        "traindir trainpath trainroot traindata traindataset trainset",
        Here::Key("data.train"),
    ),
    (
        "val valid valdir valpath valdata valdataset validationdata evalpath evaldata",
        Here::Key("data.eval"),
    ),
    (
        "testdir testpath testdata testdataset",
        Here::Key("data.test"),
    ),
    ("rescale rescalefactor", Here::Key("data.scale")),
    ("imagemean pixelmean", Here::Key("data.normalize.mean")),
    ("imagestd pixelstd", Here::Key("data.normalize.std")),
    (
        "imgsz imgsize imagesize inputsize inputshape insize resolution",
        Here::Key("model.input"),
    ),
    ("network architecture arch net backbone", Here::Key("model")),
    ("modules blocks stages", Here::Key("model.layers")),
    ("beta1 beta2 adambeta1", Here::Key("optimizer.adam.betas")),
    (
        "epsilon adamepsilon opteps",
        Here::Key("optimizer.adam.eps"),
    ),
    (
        "decay l2 l2reg l2regularization wd",
        Here::Key("optimizer.adam.weight_decay"),
    ),
    ("optim opt", Here::Key("optimizer")),
    (
        "train trainer fit hyperparameters hparams",
        Here::Key("training"),
    ),
    ("datamodule dataloader dataloaders input", Here::Key("data")),
    (
        "earlystopping earlystop earlystoppingcallback",
        Here::Key("early_stop"),
    ),
    (
        "earlystoppingpatience noimprovement",
        Here::Key("early_stop.patience"),
    ),
    (
        "threshold tolerance tol mindeltaearlystopping",
        Here::Key("early_stop.min_delta"),
    ),
    (
        "checkpoints modelcheckpoint checkpointing ckpt saving",
        Here::Key("checkpoint"),
    ),
    (
        "savetopk savebest savebestonly keepbestn",
        Here::Key("checkpoint.keep_best"),
    ),
    (
        "savelast savetotallimit maxtokeep keeplastn totallimit",
        Here::Key("checkpoint.keep_last"),
    ),
    (
        "everynepochs saveperiod savefreq saveevery checkpointinterval period",
        Here::Key("checkpoint.every_epochs"),
    ),
    (
        "everyntrainsteps savesteps everynsteps",
        Here::Key("checkpoint.every_steps"),
    ),
    ("traintimeinterval", Here::Key("checkpoint.every_minutes")),
    (
        "defaults base inherit inherits include import parent",
        Here::Key("extends"),
    ),
    (
        "numworkers workers nworkers njobs numthreads threads",
        Here::Note(
            "there are no workers to count: `--threads N` on the command line sets how many threads \
             compute, and as many decode",
        ),
    ),
    (
        "outputdir outdir savedir logdir defaultrootdir project workdir",
        Here::Note("`--out DIR` on the command line names the folder for run directories"),
    ),
    (
        "shuffle droplast",
        Here::Note(
            "each epoch's order is drawn anew from `seed`, and every image is seen, unless \
             `data.sampler` is \"balanced\"",
        ),
    ),
    (
        "amp precision fp16 bf16 half dtype mixedprecision",
        Here::Note("training is in 32-bit floats: there is nothing to set"),
    ),
    (
        "deterministic benchmark cudnnbenchmark",
        Here::Note("every run is deterministic: there is nothing to set"),
    ),
    (
        "numclasses nc nclasses",
        Here::Note(
            "the number of classes is `out_features` of the last linear layer; for a preset it is \
             `model.classes`",
        ),
    ),
    (
        "resume resumefrom resumefromcheckpoint ckptpath",
        Here::Note("`runner resume RUN` goes on with a run: there is nothing to set"),
    ),
    (
        "fastdevrun",
        Here::Note("`runner check CONFIG --fast-dev-run` does that"),
    ),
    (
        "verbose quiet loglevel progressbar enableprogressbar",
        Here::Note("`-q` on the command line keeps a run quiet"),
    ),
];

/// Names of layers.
pub const LAYERS: Table = &[
    (
        "avgpool averagepooling2d averagepooling",
        Here::Layer("avg_pool2d"),
    ),
    (
        "adaptivemaxpool2d",
        Here::Note(
            "there is no such pooling here: `max_pool2d` takes the largest of each window, `adaptive_avg_pool2d` gives means of a fixed size",
        ),
    ),
    ("swish", Here::Layer("silu")),
    ("hswish", Here::Layer("hard_swish")),
    (
        "selu mish celu glu rrelu hardsigmoid hardtanh softsign logsigmoid",
        Here::Note("there is no such activation here; relu, gelu, silu, elu and others are"),
    ),
    ("ln", Here::Layer("layer_norm")),
    ("gn groupnormalization", Here::Layer("group_norm")),
    ("instancenorm", Here::Layer("instance_norm2d")),
    (
        "batchnorm3d syncbatchnorm localresponsenorm lrn",
        Here::Note(
            "there is no such normalization here; batch_norm2d, group_norm and layer_norm are",
        ),
    ),
    (
        "conv1d conv3d",
        Here::Note("images have two dimensions: the convolution is `conv2d`"),
    ),
    (
        "conv2dtranspose deconv deconvolution convtranspose",
        Here::Layer("conv_transpose2d"),
    ),
    (
        "depthwiseconv2d separableconv2d depthwise",
        Here::Note(
            "a depthwise convolution is a `conv2d` with as many `groups` as channels; one of \
             kernel_size 1 makes it separable",
        ),
    ),
    ("spatialdropout2d featuredropout", Here::Layer("dropout2d")),
    (
        "alphadropout droppath stochasticdepth dropblock",
        Here::Note("there is no such dropout here: `dropout` and `dropout2d` are"),
    ),
    (
        "add skip shortcut resblock residualblock basicblock",
        Here::Layer("residual"),
    ),
    (
        "unset",
        Here::Note("an array replaces as a whole: leave the element out"),
    ),
    (
        "conv convolution convolution2d conv2 cnn",
        Here::Layer("conv2d"),
    ),
    (
        "dense fc fullyconnected lin affine innerproduct",
        Here::Layer("linear"),
    ),
    (
        "batchnormalization batchnorm bn bn2d norm",
        Here::Layer("batch_norm2d"),
    ),
    (
        "maxpooling2d maxpool maxpooling pool mp subsampling",
        Here::Layer("max_pool2d"),
    ),
    (
        "globalaveragepooling2d globalavgpool2d globalaveragepooling gap",
        Here::Layer("global_avg_pool"),
    ),
    ("adaptiveavgpool", Here::Layer("adaptive_avg_pool2d")),
    ("activation rectifier relulayer", Here::Layer("relu")),
    ("reshape view flat", Here::Layer("flatten")),
    ("drop", Here::Layer("dropout")),
    (
        "softmax logsoftmax",
        Here::Note("the loss takes the scores of the last linear layer as they are: leave it out"),
    ),
    (
        "input inputlayer",
        Here::Note("`model.input` is the size of one image: leave the layer out"),
    ),
];

/// Names of layers' options.
pub const OPTIONS: Table = &[
    (
        "ceilmode",
        Here::Note("sizes are rounded down, as PyTorch does by default: there is nothing to set"),
    ),
    (
        "paddingmode",
        Here::Note("padding is of zeros: there is nothing to set"),
    ),
    (
        "startdim enddim",
        Here::Note("everything is flattened but the batch: there is nothing to set"),
    ),
    (
        "act norm bn batchnorm batchnormalization",
        Here::Note(
            "it is a layer of its own, for example \"relu\" or \"batch_norm2d\" as the next one",
        ),
    ),
    (
        "filters channels outchannel nfilters nout outplanes out",
        Here::Key("conv2d.out_channels"),
    ),
    (
        "units outfeature features hidden size outputdim outdim",
        Here::Key("linear.out_features"),
    ),
    (
        "kernel kernelshape poolsize window windowsize k ksize",
        Here::Key("conv2d.kernel_size"),
    ),
    (
        "kernelinitializer initializer weightinit",
        Here::Key("conv2d.init"),
    ),
    ("strides step s", Here::Key("conv2d.stride")),
    ("pad paddings", Here::Key("conv2d.padding")),
    ("dilationrate dilations", Here::Key("conv2d.dilation")),
    ("usebias hasbias", Here::Key("conv2d.bias")),
    (
        "rate prob dropoutrate dropprob probability dropout",
        Here::Key("dropout.p"),
    ),
    ("epsilon", Here::Key("batch_norm2d.eps")),
    (
        "outputshape outsize",
        Here::Key("adaptive_avg_pool2d.output_size"),
    ),
    (
        "inplace",
        Here::Note("memory is reused where it can be: there is nothing to set"),
    ),
    (
        "activation",
        Here::Note("an activation is a layer of its own, for example \"relu\" as the next one"),
    ),
    (
        "affine trackrunningstats",
        Here::Note("batch norms have weights and running statistics: there is nothing to set"),
    ),
];

/// Values of keys that name a column or a device.
pub const WORDS: Table = &[
    (
        "valloss validationloss testloss loss",
        Here::Word("eval_loss"),
    ),
    (
        "valacc valaccuracy accuracy acc testaccuracy testacc top1 metrics/accuracytop1 validationaccuracy",
        Here::Word("eval_accuracy"),
    ),
    ("valf1 f1 f1score f1macro", Here::Word("eval_f1")),
    ("trainacc", Here::Word("train_accuracy")),
    ("henormal heinit kaiming", Here::Word("kaiming_normal")),
    ("heuniform", Here::Word("kaiming_uniform")),
    ("glorotuniform xavier", Here::Word("xavier_uniform")),
    ("glorotnormal", Here::Word("xavier_normal")),
    (
        "crossentropyloss categoricalcrossentropy sparsecategoricalcrossentropy ce",
        Here::Word("cross_entropy"),
    ),
    (
        "hflip horizontalflip randomflip fliplr flip",
        Here::Word("random_horizontal_flip"),
    ),
    (
        "vflip verticalflip flipud",
        Here::Word("random_vertical_flip"),
    ),
    ("crop pad randompad", Here::Word("random_crop")),
    ("rotation rotate degrees", Here::Word("random_rotation")),
    ("affine shear", Here::Word("random_affine")),
    (
        "shift translate translation randomtranslation",
        Here::Word("random_shift"),
    ),
    ("scale zoom randomzoom", Here::Word("random_scale")),
    (
        "colourjitter jitter brightness contrast saturation hue",
        Here::Word("color_jitter"),
    ),
    ("erasing cutout randomcutout", Here::Word("random_erasing")),
    ("noise gaussnoise randomnoise", Here::Word("gaussian_noise")),
    ("mixupalpha", Here::Word("mixup")),
    ("cutmixalpha", Here::Word("cutmix")),
    ("weighted classbalanced", Here::Word("balanced")),
    ("imagefolder folder", Here::Word("image_folder")),
    ("manifest", Here::Word("csv")),
    ("mnist ubyte", Here::Word("idx")),
    ("minimum minimize lower", Here::Word("min")),
    ("maximum maximize higher", Here::Word("max")),
    ("gpu nvidia cuda:", Here::Word("cuda")),
    (
        "mps metal xpu rocm hip tpu wgpu vulkan",
        Here::Note("there is no such backend here: take \"auto\" or \"cpu\""),
    ),
    (
        "auto",
        Here::Note("leave it out: it follows from the monitor"),
    ),
];

/// What a name in one of the tables is called here.
pub fn find(table: Table, name: &str) -> Option<Here> {
    let folded = fold(name);
    table
        .iter()
        .find(|(names, _)| names.split(' ').any(|name| name == folded))
        .map(|(_, here)| *here)
}

/// Without capitals, hyphens, underscores and spaces.
pub fn fold(name: &str) -> String {
    name.chars()
        .filter(|c| !matches!(c, '_' | '-' | ' '))
        .flat_map(char::to_lowercase)
        .collect()
}
