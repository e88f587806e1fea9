// SPDX-License-Identifier: Apache-2.0

extension IKEv1 {
    /// What a first message asks for and what we answer: the same for every client of one make and configuration.
    package struct Offer: Sendable {
        /// What has to be equal for two first messages to get the same answer.
        package struct Key: Hashable, Sendable {
            package var profile: Int
            package var natTraversal: NATTraversal?
            /// The peer announced RFC 3706.
            package var isAnsweringProbes: Bool
            package var vendorIDs: VendorIDs
            /// The peer puts pieces of messages together.
            package var isFragmenting = false
            /// SAi_b, which both hashes of phase 1 cover.
            package var saBody: [UInt8]
        }

        package let key: Key
        /// Never given to another offer.
        package let serial: UInt64
        package let client: Client
        package let transform: IKETransform
        package let lifetime: Duration
        /// Message 2, but for the two cookies that it begins with.
        package let answer: [UInt8]

        /// Of offers that are kept for good: all who make one share it.
        fileprivate var parsed: SAPayload?

        /// What the peer offered.
        var payload: SAPayload { parsed ?? (try? SAPayload(key.saBody[...])) ?? SAPayload(proposals: []) }

        func answer(with cookies: CookiePair) -> [UInt8] { cookies.bytes + answer }
    }

    /// The offers that our cookies point to, each kept once however many peers make it.
    ///
    /// Those with which a peer has authenticated itself are kept apart from the rest. The rest, which anybody may fill,
    /// loses the oldest first: a flood of made-up offers takes its toll of clients of a make that was never here before,
    /// and of nobody else.
    package struct Offers: Sendable {
        package static let mostTrusted = 256
        package static let mostUntried = 4096
        /// Bytes of all the untried together.
        package static let untriedBytes = 8 << 20

        private var trusted = Ring<Offer.Key, Offer>(capacity: mostTrusted)
        private var untried = Ring<Offer.Key, Offer>(capacity: mostUntried)
        private var bytes = 0
        private var lastSerial: UInt64 = 0
        /// Those up to this one were removed all at once.
        private var lastRemoved: UInt64 = 0
        /// Untried offers that were pushed out.
        package private(set) var forgotten: UInt64 = 0

        package init() {}

        package var trustedCount: Int { trusted.count }
        package var untriedCount: Int { untried.count }

        /// The offer, if it was made before, and its place.
        package func find(_ key: Offer.Key) -> (place: Int, offer: Offer)? {
            if let place = trusted.place(of: key), let entry = trusted[place: place] { return (place, entry.value) }
            guard let place = untried.place(of: key), let entry = untried[place: place] else { return nil }
            return (Self.mostTrusted + place, entry.value)
        }

        /// What is in a place now.
        package subscript(place: Int) -> Offer? {
            place < Self.mostTrusted
                ? trusted[place: place]?.value : untried[place: place - Self.mostTrusted]?.value
        }

        /// - Precondition: ``find(_:)`` does not know the key.
        package mutating func add(
            _ key: Offer.Key,
            client: Client,
            transform: IKETransform,
            lifetime: Duration,
            answer: [UInt8]
        ) -> (place: Int, offer: Offer) {
            lastSerial += 1
            let offer = Offer(
                key: key,
                serial: lastSerial,
                client: client,
                transform: transform,
                lifetime: lifetime,
                answer: answer
            )
            bytes += key.saBody.count
            while bytes > Self.untriedBytes, let gone = untried.removeFirst() { forget(gone.value) }
            let (place, pushedOut) = untried.append(offer, for: key)
            if let pushedOut { forget(pushedOut.value) }
            return (Self.mostTrusted + place, offer)
        }

        private mutating func forget(_ offer: Offer) {
            bytes -= offer.key.saBody.count
            forgotten += 1
        }

        /// A peer that made this offer has proved that it knows the key. The offer stays in its old place too, as
        /// others may hold a cookie with that.
        package mutating func trust(_ offer: Offer) {
            guard offer.serial > lastRemoved, trusted.place(of: offer.key) == nil else { return }
            var kept = offer
            kept.parsed = offer.payload
            _ = trusted.append(kept, for: offer.key)
        }

        /// Forgets every offer, for good: peers that hold a cookie with one begin anew.
        package mutating func removeAll() {
            trusted = Ring(capacity: Self.mostTrusted)
            untried = Ring(capacity: Self.mostUntried)
            bytes = 0
            lastRemoved = lastSerial
        }
    }
}
