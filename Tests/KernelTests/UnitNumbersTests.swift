// SPDX-License-Identifier: Apache-2.0
import Kernel
import Testing

struct UnitNumbersTests {
    @Test("N08: numbers of units that are gone are used again, the others stay apart")
    func numbersAreUsedAgain() {
        var numbers = UnitNumbers()
        #expect((0..<3).map { _ in numbers.take() } == [0, 1, 2])
        numbers.giveBack(1)
        #expect(numbers.take() == 1)
        #expect(numbers.take() == 3)
    }
}
