// SPDX-License-Identifier: Apache-2.0
import ControlPlane
import Cryptography
import DataPlane
import Testing

struct PrivatePortsTests {
    @Test func everyPeerHasAPortOfItsOwnAsLongAsThereIsOne() {
        var ports = PrivatePorts()
        let entropy = SeededEntropy(seed: 1)
        let count = RequestID.privatePorts.count
        let ids = (0..<count).map { _ in ports.take(entropy) }
        #expect(Set(ids.map(\.port)).count == count)
    }

    @Test func oneMoreSharesAPortButNotTheRequestID() {
        var ports = PrivatePorts()
        let entropy = SeededEntropy(seed: 2)
        let count = RequestID.privatePorts.count + 100
        let ids = (0..<count).map { _ in ports.take(entropy) }
        #expect(Set(ids).count == count)
        #expect(Set(ids.map(\.port)).count == RequestID.privatePorts.count)
    }

    @Test func ordersArePutInRandomPlaces() {
        var ports = PrivatePorts()
        let entropy = SeededEntropy(seed: 3)
        let taken = (0..<8).map { _ in ports.take(entropy).port }
        #expect(zip(taken, taken.dropFirst()).allSatisfy { $1 != $0 &+ 1 })
    }

    @Test func aReleasedPortIsUsedAgain() {
        var ports = PrivatePorts()
        let entropy = SeededEntropy(seed: 4)
        let ids = (0..<RequestID.privatePorts.count).map { _ in ports.take(entropy) }
        ports.release(ids[77])
        #expect(ports.take(entropy).port == ids[77].port)
    }
}
