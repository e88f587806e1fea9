// SPDX-License-Identifier: Apache-2.0
import Cryptography
import Glibc

print(Hash.digest(.sha1, [1, 2, 3]))
