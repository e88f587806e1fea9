// SPDX-License-Identifier: Apache-2.0
import ControlPlane
import Cryptography
import Testing

struct RecentTableTests {
    @Test func whatWasTouchedLongestAgoMakesRoom() {
        var table = RecentTable<String, Int>(capacity: 3)
        for (value, key) in ["a", "b", "c"].enumerated() { table.set(key, to: value) }
        table.set("a", to: 10)
        table.set("d", to: 3)
        #expect(table["b"] == nil)
        #expect([table["a"], table["c"], table["d"]] == [10, 2, 3])
        #expect(table.count == 3)
    }

    @Test func whatIsRemovedMakesRoomToo() {
        var table = RecentTable<Int, Int>(capacity: 2)
        table.set(1, to: 1)
        table.set(2, to: 2)
        table.remove(1)
        table.remove(7)
        table.set(3, to: 3)
        #expect([table[1], table[2], table[3]] == [nil, 2, 3])
        table.set(4, to: 4)
        #expect([table[2], table[3], table[4]] == [nil, 3, 4])
    }

    @Test func oneEntryIsRoomEnoughToWork() {
        var table = RecentTable<Int, Int>(capacity: 1)
        for key in 0..<5 { table.set(key, to: key) }
        #expect(table[4] == 4)
        table.remove(4)
        #expect(table.count == 0)
        table.set(9, to: 9)
        #expect(table[9] == 9)
    }

    /// Against a list that does the same slowly.
    @Test(arguments: 1...20)
    func agreesWithAPlainList(_ seed: UInt64) {
        let entropy = SeededEntropy(seed: seed)
        var table = RecentTable<UInt32, UInt32>(capacity: 8)
        var list: [(key: UInt32, value: UInt32)] = []
        for _ in 0..<500 {
            let key = entropy.integer(in: 0...15)
            list.removeAll { $0.key == key }
            if entropy.integer(in: 0...3) == 0 {
                table.remove(key)
            } else {
                let value: UInt32 = entropy.integer()
                table.set(key, to: value)
                list.append((key, value))
                if list.count > 8 { list.removeFirst() }
            }
            #expect(table.count == list.count)
            #expect((0...15).allSatisfy { key in table[key] == list.first { $0.key == key }?.value })
        }
    }
}
