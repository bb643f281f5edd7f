/** An archive target, as `archive_target` names it. Each of these is one entry; `openArchivePlace` opens its kind. */
export interface ArchiveTargetKind {
  /** What opens it, and so what `archive_path` names: a folder, or `bucket/prefix` of an S3-compatible server. */
  readonly place: 'folder' | 'bucket';
  /**
   * Of a folder: whether a missing one is made. For an unmounted disk of the network, that would silently fill the disk
   * of this machine.
   */
  readonly makesFolder?: boolean;
  /** Of a bucket: the server's address where `archive_endpoint` names none; absent: that of S3. */
  endpointOf?(region: string): string;
  /** Of a bucket without `archive_endpoint`: what regions look like; absent: any. */
  readonly region?: { readonly form: RegExp; readonly expected: string };
}

const TARGETS = {
  NAS: { place: 'folder', makesFolder: false },
  LOCAL: { place: 'folder', makesFolder: true },
  S3: { place: 'bucket' },
  // https://docs.wasabi.com/docs/what-are-the-service-urls-for-wasabi-s-different-storage-regions
  WASABI: { place: 'bucket', endpointOf: (region) => `https://s3.${region}.wasabisys.com` },
  // https://www.backblaze.com/docs/cloud-storage-call-the-s3-compatible-api. Regions of the others end in one digit.
  B2: {
    place: 'bucket',
    endpointOf: (region) => `https://s3.${region}.backblazeb2.com`,
    region: { form: /-\d{3}$/, expected: 'a region of B2 such as us-west-004' },
  },
} satisfies Readonly<Record<string, ArchiveTargetKind>>;

export type ArchiveTarget = keyof typeof TARGETS;

export const ARCHIVE_TARGETS: Readonly<Record<ArchiveTarget, ArchiveTargetKind>> = TARGETS;
export const ARCHIVE_TARGET_NAMES = Object.keys(TARGETS) as [ArchiveTarget, ...ArchiveTarget[]];

/** Whether archives are kept in a folder; else in a bucket. */
export function isFolderTarget(target: ArchiveTarget): boolean {
  return ARCHIVE_TARGETS[target].place === 'folder';
}
