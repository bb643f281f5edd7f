import type { MinutehandError } from '../errors.ts';
import type { S3Address } from './s3_address.ts';

/** The used part of @aws-sdk/client-s3, which is loaded only where a bucket is used. */
interface Sdk {
  readonly S3Client: new (options: Readonly<Record<string, unknown>>) => {
    send(command: object, options: { abortSignal: AbortSignal }): Promise<Answer>;
    destroy(): void;
  };
  readonly GetObjectCommand: new (input: ObjectName) => object;
  readonly HeadObjectCommand: new (input: ObjectName) => object;
  readonly PutObjectCommand: new (input: ObjectName & PutInput) => object;
  readonly DeleteObjectCommand: new (input: ObjectName) => object;
  readonly ListObjectsV2Command: new (input: ListInput) => object;
}

interface ObjectName {
  readonly Bucket: string;
  readonly Key: string;
}

interface PutInput {
  readonly Body: Uint8Array;
  readonly ContentType?: string;
  readonly IfNoneMatch?: '*';
}

interface ListInput {
  readonly Bucket: string;
  readonly Prefix: string;
  readonly ContinuationToken?: string;
}

interface Answer {
  readonly Body?: { transformToByteArray(): Promise<Uint8Array>; destroy(): void };
  readonly ContentLength?: number;
  readonly Contents?: readonly { readonly Key?: string; readonly Size?: number }[];
  readonly NextContinuationToken?: string;
}

interface SdkError {
  readonly name?: string;
  readonly message?: string;
  readonly code?: string;
  readonly $metadata?: { readonly httpStatusCode?: number };
}

/** Names of failures that trying again does not mend: credentials, rights, or the bucket itself. */
export const S3_REFUSALS: readonly string[] = [
  'NoSuchBucket',
  'AccessDenied',
  'InvalidAccessKeyId',
  'SignatureDoesNotMatch',
  'CredentialsProviderError',
];

/** What a server has answered, or why none did. */
export interface S3Failure {
  readonly name: string;
  /** Of the answer; 0 without one. */
  readonly status: number;
  /** Bucket, key, and all that the server said. */
  readonly text: string;
  readonly cause: unknown;
}

export interface S3Options {
  readonly address: S3Address;
  /** Credentials: AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, else any source of the AWS SDK (profiles, roles). */
  readonly env: NodeJS.ProcessEnv;
  /** The error of a failed call, in the words of its user. */
  errorOf(failure: S3Failure): MinutehandError;
}

export interface PutOptions {
  readonly contentType?: string;
  /** An object of that name stays; servers that do not know the condition replace it. */
  readonly isKept?: boolean;
}

/** Objects below the prefix of an address. Names have slashes. */
export interface S3Bucket {
  /** null when there is no such object. More than `maxBytes` is the failure `EntityTooLarge`. */
  get(name: string, maxBytes?: number): Promise<Buffer | null>;
  /** Bytes of an object; null when there is none. */
  sizeOf(name: string): Promise<number | null>;
  put(name: string, bytes: Uint8Array, options?: PutOptions): Promise<void>;
  remove(name: string): Promise<void>;
  /** Objects whose name begins with `folder/`, without it. */
  list(folder: string): Promise<{ readonly name: string; readonly bytes: number }[]>;
  close(): void;
}

/** Maximum time of a call, including the SDK's retries. */
const TIMEOUT_MS = 300_000;
const CONNECT_MS = 10_000;
/** SDK attempts after responses such as 503 SlowDown. */
const ATTEMPTS = 5;
const NOT_FOUND = 404;
const CONDITION_FAILED = 412;
/** Name of the failure of an object that has more bytes than its reader takes. */
export const TOO_LARGE = 'EntityTooLarge';

/** Opens a bucket of S3, Wasabi, B2 or another S3-compatible server. */
export async function openS3Bucket({ address, env, errorOf }: S3Options): Promise<S3Bucket> {
  const sdk = await loadSdk();
  const { bucket, prefix, region, endpoint } = address;
  const {
    AWS_ACCESS_KEY_ID: accessKeyId,
    AWS_SECRET_ACCESS_KEY: secretAccessKey,
    AWS_SESSION_TOKEN: sessionToken,
  } = env;
  const client = new sdk.S3Client({
    region,
    maxAttempts: ATTEMPTS,
    requestHandler: { connectionTimeout: CONNECT_MS, requestTimeout: TIMEOUT_MS },
    // Other vendors do not support the checksums added to S3 in 2024; what matters is hashed by its reader.
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
    ...(endpoint === null ? {} : { endpoint, forcePathStyle: true }),
    ...(accessKeyId && secretAccessKey ? { credentials: { accessKeyId, secretAccessKey, sessionToken } } : {}),
  });
  const objectOf = (name: string): ObjectName => ({ Bucket: bucket, Key: [...prefix, name].join('/') });

  /** @returns null when there is no such object */
  async function call<Result>(
    key: string,
    work: (abortSignal: AbortSignal) => Promise<Result>,
  ): Promise<Result | null> {
    try {
      return await work(AbortSignal.timeout(TIMEOUT_MS));
    } catch (cause) {
      const { name = 'Error', message, code, $metadata } = cause as SdkError;
      const status = $metadata?.httpStatusCode ?? 0;
      // An answer to HEAD has no body that could name the code.
      if (name === 'NoSuchKey' || (name === 'NotFound' && status === NOT_FOUND)) return null;
      const words = [name, code, status || undefined, message].filter((word) => word !== undefined);
      throw errorOf({ name, status, text: `${bucket}/${key}: ${words.join(', ')}`, cause });
    }
  }

  return {
    get(name, maxBytes = Infinity) {
      const object = objectOf(name);
      return call(object.Key, async (abortSignal) => {
        const { Body, ContentLength = 0 } = await client.send(new sdk.GetObjectCommand(object), { abortSignal });
        if (ContentLength > maxBytes) {
          Body!.destroy();
          throw Object.assign(new Error(`${ContentLength} bytes, expected at most ${maxBytes}`), { name: TOO_LARGE });
        }
        return Buffer.from(await Body!.transformToByteArray());
      });
    },
    sizeOf(name) {
      const object = objectOf(name);
      return call(object.Key, async (abortSignal) => {
        const { ContentLength = 0 } = await client.send(new sdk.HeadObjectCommand(object), { abortSignal });
        return ContentLength;
      });
    },
    async put(name, Body, { contentType, isKept = false } = {}) {
      const object = objectOf(name);
      const input: ObjectName & PutInput = {
        ...object,
        Body,
        ...(contentType !== undefined && { ContentType: contentType }),
        ...(isKept && { IfNoneMatch: '*' as const }),
      };
      await call(object.Key, async (abortSignal) => {
        try {
          await client.send(new sdk.PutObjectCommand(input), { abortSignal });
        } catch (error) {
          if (!isKept || (error as SdkError).$metadata?.httpStatusCode !== CONDITION_FAILED) throw error;
        }
      });
    },
    async remove(name) {
      const object = objectOf(name);
      await call(object.Key, (abortSignal) => client.send(new sdk.DeleteObjectCommand(object), { abortSignal }));
    },
    async list(folder) {
      const Prefix = `${[...prefix, folder].join('/')}/`;
      const found: { name: string; bytes: number }[] = [];
      let ContinuationToken: string | undefined;
      do {
        const input: ListInput = {
          Bucket: bucket,
          Prefix,
          ...(ContinuationToken !== undefined && { ContinuationToken }),
        };
        const page = await call(Prefix, (abortSignal) =>
          client.send(new sdk.ListObjectsV2Command(input), { abortSignal }),
        );
        for (const { Key = '', Size = 0 } of page?.Contents ?? [])
          found.push({ name: Key.slice(Prefix.length), bytes: Size });
        ContinuationToken = page?.NextContinuationToken;
      } while (ContinuationToken !== undefined);
      return found;
    },
    close: () => client.destroy(),
  };
}

async function loadSdk(): Promise<Sdk> {
  // A variable name keeps tsc from loading the package's thousands of types; `Sdk` declares the used ones.
  const name: string = '@aws-sdk/client-s3';
  return (await import(name)) as Sdk;
}
