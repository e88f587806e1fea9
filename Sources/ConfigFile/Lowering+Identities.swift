// SPDX-License-Identifier: Apache-2.0
internal import IKE

/// Who may come, by name, and whether the name may be said in clear.
extension Lowering {
    mutating func identities(_ section: inout Section) -> [IdentityPattern] { [] }

    mutating func aggressiveMode(_ section: inout Section) -> Bool { false }
}
