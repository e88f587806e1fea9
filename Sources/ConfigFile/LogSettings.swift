// SPDX-License-Identifier: Apache-2.0
package import Primitives

package struct LogSettings: Hashable, Sendable {
    package enum Format: String, Hashable, Sendable, CaseIterable {
        case text
        case json
    }

    /// Events below it are not printed.
    package var level = EventDescription.Severity.info
    package var format = Format.text

    package init() {
    }
}
