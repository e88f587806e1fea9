// SPDX-License-Identifier: Apache-2.0

extension Lowering {
    /// Its keys are reserved, and only an empty section is taken.
    mutating func radius(_ section: Section) {
        guard !section.isAbsent else { return }
        if section.isEmpty {
            diagnostics.warning(section.position, "RADIUS is not supported yet; the empty section changes nothing")
        } else {
            diagnostics.error(
                section.firstPosition,
                "RADIUS is not supported yet",
                remedy: "take the section out, and list the users in users.file"
            )
        }
    }
}
