// SPDX-License-Identifier: Apache-2.0
package import Primitives

/// What is stored about a user: a password, or the MD4 of its UTF-16 (16 bytes), which serves MS-CHAPv2 alone.
package enum UserSecret: Hashable, Sendable {
    case password(SecretBytes)
    case ntHash(SecretBytes)
}
