/** What of a workspace is archived. */
export interface ArchivePolicy {
  /** Patterns in gitignore syntax, relative to the workspace's root. A file in a directory says more than they do. */
  readonly excludes: readonly string[];
  /** Whether `DEFAULT_EXCLUDES` and directories that call themselves caches are left out. */
  readonly defaultExcludes: boolean;
  /** Whether a `.stowageignore` in a directory is obeyed, below that directory. */
  readonly ignoreFiles: boolean;
  /**
   * Whether directories on other file systems are entered. Otherwise they are stored as empty directories; views of the
   * kernel (proc and the like) always are.
   */
  readonly crossFileSystems: boolean;
}

export const DEFAULT_POLICY: ArchivePolicy = {
  excludes: [],
  defaultExcludes: true,
  ignoreFiles: true,
  crossFileSystems: false,
};

export const IGNORE_FILE = '.stowageignore';

/** An ignore file that is longer is not obeyed, which is a problem of the archive. */
export const MAX_IGNORE_FILE_BYTES = 1_024 * 1_024;

/** Patterns that a policy starts with; one of its own with `!` takes any of them back. */
export const DEFAULT_EXCLUDES: readonly string[] = [
  // What programs can make again at any time.
  '.cache/',
  '__pycache__/',
  '.pytest_cache/',
  '.mypy_cache/',
  '.ruff_cache/',
  '.npm/_cacache/',
  // Written by desktops into every directory that is looked at.
  '.DS_Store',
  'Thumbs.db',
  // Found on the roots of file systems.
  'lost+found/',
  '.Trash-[0-9]*/',
  // Files under way of a restore by this program.
  '.stowage-restore',
  '.stowage-restore.*',
];

/** First bytes of a CACHEDIR.TAG: the directory holds what can be made again (bford.info/cachedir). */
export const CACHE_TAG = Buffer.from('Signature: 8a477f597d28d172789f06886806bc55');
export const CACHE_TAG_FILE = 'CACHEDIR.TAG';

/** `f_type` of file systems that are no storage but views of the kernel and of devices (linux/magic.h). */
export const KERNEL_FILE_SYSTEMS: ReadonlySet<number> = new Set([
  0x9fa0, // proc
  0x62656572, // sysfs
  0x27e0eb, // cgroup
  0x63677270, // cgroup2
  0x1cd1, // devpts
  0x64626720, // debugfs
  0x74726163, // tracefs
  0x73636673, // securityfs
  0xcafe4a11, // bpf
  0x6165676c, // pstore
  0x19800202, // mqueue
  0x62656570, // configfs
  0x65735543, // fusectl
  0x42494e4d, // binfmt_misc
  0x187, // autofs
]);
