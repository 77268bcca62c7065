/**
 * fs-verity digests (SHA-256, and the first 32 digits of SHA-512) that `fsverity digest` (fsverity-utils 1.5) and an
 * implementation of its own agree on.
 */
export const VECTORS: readonly (readonly [
  name: string,
  content: () => Buffer,
  sha256: string,
  sha512: string,
])[] = [
  [
    'nothing',
    () => Buffer.alloc(0),
    '3d248ca542a24fc62d1c43b916eae5016878e2533c88238480b26128a1f1af95',
    'ccf9e5aea1c2a64efa2f2354a6024b90',
  ],
  [
    'a',
    () => Buffer.from('a'),
    'bce75948b9e7510293f8f2720412af9697c1479281323f3f220623fb8e94b557',
    '829b82e4646ed8804b8481d26202f11d',
  ],
  [
    'hello world',
    () => Buffer.from('hello world'),
    '1e2eaa4202d750a41174ee454970b92c1bc2f925b1e35076d8c7d5f56362ba64',
    '18430270729d162d4e469daca123ae61',
  ],
  [
    'hello world and a newline',
    () => Buffer.from('hello world\n'),
    '37061ef2ac4c21bec68489b56138c5780306a4ad7fe6676236ecdf2c9027cd92',
    '4098b052d2427dc9029c85062215dd6e',
  ],
  [
    'foo bar baz and a newline',
    () => Buffer.from('foo bar baz\n'),
    '91e7d88cb7bc9cf6d8db3b0ecf89af4abf204bef5b3ade5113d5b62ef374e70b',
    '932b02ae1d26b7a97a917b8114964a7a',
  ],
  [
    '4096 zeros',
    () => Buffer.alloc(4096),
    'babc284ee4ffe7f449377fbf6692715b43aec7bc39c094a95878904d34bac97e',
    '928922686c4caf32175f5236a7f964e9',
  ],
  [
    '4097 zeros',
    () => Buffer.alloc(4097),
    '093756e4ea9683329106d4a16982682ed182c14bf076463a9e7f97305cbac743',
    '4339f5da3788e60fa6857bd7040fadcc',
  ],
  [
    '512 KiB of zeros',
    () => Buffer.alloc(512 * 1024),
    '2d15bd7832895de85aa3d5bdfb57251e27bbec75ff467408340ab3eba858a2e1',
    '80e3a9dbfb94da75ef90a5c477aa857d',
  ],
  [
    '512 KiB of zeros and one',
    () => Buffer.alloc(512 * 1024 + 1),
    'e4143a5705610b7ad2eb85482cfc033c7062a89b9faf9118603f592d53fd10e0',
    '7d26d3e731675b1ecf081c10277a5fd4',
  ],
  [
    '64 MiB of zeros',
    () => Buffer.alloc(64 * 1024 * 1024),
    '382b8844ad09fb5f7b53e0fc27413cd4e72f47d69604dac5d4865e609ba33c53',
    '90c6bb14c17e95c1e1d14e126e19d87d',
  ],
  [
    '64 MiB of zeros and one',
    () => Buffer.alloc(64 * 1024 * 1024 + 1),
    'be5993679f703697692cc6ce69e480edc9721baff591795438ae8097275c0687',
    '01d7c1f45176fcf1d67f408ad191701a',
  ],
];
