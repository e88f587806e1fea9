// SPDX-License-Identifier: Apache-2.0
import Primitives
import Testing

@Suite("A value worked on where it lies")
struct DictionaryInPlaceTests {
    @Test("The change stays, and what the body returns comes back")
    func changes() {
        var dictionary = [1: [10], 2: [20]]
        let count = dictionary.withValue(of: 2) { value in
            value.append(21)
            return value.count
        }
        #expect(count == 2)
        #expect(dictionary == [1: [10], 2: [20, 21]])
    }

    @Test("Without the key nothing runs and nothing appears")
    func absent() {
        var dictionary = [1: 1]
        let result: Int? = dictionary.withValue(of: 2) { value in
            Issue.record("there is no value")
            return value
        }
        #expect(result == nil)
        #expect(dictionary == [1: 1])
    }

    @Test("A copy made before does not change")
    func copy() {
        var dictionary = [1: 1]
        let before = dictionary
        _ = dictionary.withValue(of: 1) { $0 += 1 }
        #expect(before == [1: 1])
        #expect(dictionary == [1: 2])
    }
}
