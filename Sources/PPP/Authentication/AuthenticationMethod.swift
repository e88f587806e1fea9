// SPDX-License-Identifier: Apache-2.0

package enum AuthenticationMethod: String, Hashable, Sendable, CaseIterable {
    case mschapv2
    case chapMD5 = "chap-md5"
    case pap
}
