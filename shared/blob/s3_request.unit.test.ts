import { AwsV4Signer } from 'aws4fetch';
import { describe, expect, it } from 'vitest';
import { signedHeaders, type S3Request } from './s3_request.ts';

/** Of https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html, with all of its examples. */
const KEYS = {
  accessKeyId: 'AKIAIOSFODNN7EXAMPLE',
  secretAccessKey: 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY',
};
const TIME = new Date('2013-05-24T00:00:00Z');
const HOST = 'https://examplebucket.s3.amazonaws.com';
const EMPTY = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855';

const authorization = (headers: string, signature: string): string =>
  `AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request, SignedHeaders=${headers}, Signature=${signature}`;

describe('the signature of a request', () => {
  it.each<[string, S3Request, string, string]>([
    [
      'PUT Object',
      {
        method: 'PUT',
        url: `${HOST}/test%24file.text`,
        headers: { Date: 'Fri, 24 May 2013 00:00:00 GMT', 'X-Amz-Storage-Class': 'REDUCED_REDUNDANCY' },
        body: Buffer.from('Welcome to Amazon S3.'),
      },
      'date;host;x-amz-content-sha256;x-amz-date;x-amz-storage-class',
      '98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd',
    ],
    [
      'GET Bucket Lifecycle',
      { method: 'GET', url: `${HOST}/?lifecycle` },
      'host;x-amz-content-sha256;x-amz-date',
      'fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543',
    ],
    [
      'GET Bucket (List Objects)',
      { method: 'GET', url: `${HOST}/?max-keys=2&prefix=J` },
      'host;x-amz-content-sha256;x-amz-date',
      '34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7',
    ],
  ])('is that of the example %s', async (_, request, headers, signature) => {
    const signed = await signedHeaders(request, KEYS, 'us-east-1', TIME);
    expect(signed.get('authorization')).toBe(authorization(headers, signature));
    expect(signed.get('x-amz-date')).toBe('20130524T000000Z');
  });

  it('is that of the example GET Object, whose header Range no request of ours has', async () => {
    const signer = new AwsV4Signer({
      ...KEYS,
      method: 'GET',
      url: `${HOST}/test.txt`,
      headers: { Range: 'bytes=0-9', 'X-Amz-Content-Sha256': EMPTY },
      service: 's3',
      region: 'us-east-1',
      datetime: '20130524T000000Z',
      allHeaders: true,
    });
    expect((await signer.sign()).headers.get('authorization')).toBe(
      authorization(
        'host;range;x-amz-content-sha256;x-amz-date',
        'f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41',
      ),
    );
  });

  it('covers the token of a session and a condition', async () => {
    const request: S3Request = {
      method: 'PUT',
      url: `${HOST}/x`,
      headers: { 'If-None-Match': '*' },
      body: Buffer.from('x'),
    };
    const signed = await signedHeaders(request, { ...KEYS, sessionToken: 'token' }, 'us-east-1', TIME);
    expect(signed.get('x-amz-security-token')).toBe('token');
    expect(signed.get('authorization')).toContain(
      'SignedHeaders=host;if-none-match;x-amz-content-sha256;x-amz-date;x-amz-security-token,',
    );
  });
});
