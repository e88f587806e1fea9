// SPDX-License-Identifier: Apache-2.0

extension Dictionary {
    /// Lets `body` work on a value where it lies; `nil` if there is none.
    ///
    /// For large values, and for reading them too: a getter hands out a copy of the whole value, with a retain for
    /// each array in it, for the sake of one field.
    @inlinable
    package mutating func withValue<R>(of key: Key, _ body: (inout Value) -> R) -> R? {
        guard let place = index(forKey: key) else { return nil }
        return body(&values[place])
    }
}
