package region

import (
	"bytes"
	"encoding/binary"
)

const (
	groupSize = 8
	fullGroup = 0xFF
)

// EncodeKey gives the memcomparable form in which PD keeps keys: groups of eight bytes, padded
// with zeros, each followed by 0xFF minus the number of padding bytes.
func EncodeKey(raw []byte) []byte {
	encoded := make([]byte, 0, (len(raw)/groupSize+1)*(groupSize+1))
	for at := 0; at <= len(raw); at += groupSize {
		group := raw[at:min(at+groupSize, len(raw))]
		padding := groupSize - len(group)
		encoded = append(encoded, group...)
		encoded = append(encoded, make([]byte, padding)...)
		encoded = append(encoded, byte(fullGroup-padding))
	}
	return encoded
}

// DecodeKey undoes EncodeKey; false when the bytes are not such a key.
func DecodeKey(encoded []byte) ([]byte, bool) {
	raw := make([]byte, 0, len(encoded))
	for len(encoded) > groupSize {
		padding := fullGroup - int(encoded[groupSize])
		if padding > groupSize {
			return nil, false
		}
		raw = append(raw, encoded[:groupSize-padding]...)
		encoded = encoded[groupSize+1:]
		if padding > 0 {
			return raw, len(encoded) == 0
		}
	}
	return nil, false
}

// TableKey gives the encoded key of a row, t{table}_r{row}, as TiDB lays it out.
func TableKey(table, row int64) []byte {
	raw := append([]byte{'t'}, signFlipped(table)...)
	raw = append(raw, '_', 'r')
	return EncodeKey(append(raw, signFlipped(row)...))
}

func signFlipped(number int64) []byte {
	return binary.BigEndian.AppendUint64(nil, uint64(number)^(1<<63))
}

// KeyspaceBorders are the four keys at which PD wants the default keyspace cut: raw keys begin
// with r, transactional ones with x (PD: pkg/keyspace/util.go MakeRegionBound).
func KeyspaceBorders() (raw, txn [2][]byte) {
	border := func(prefix, id byte) []byte { return EncodeKey([]byte{prefix, 0, 0, id}) }
	return [2][]byte{border('r', 0), border('r', 1)}, [2][]byte{border('x', 0), border('x', 1)}
}

// MiddleKey gives a key strictly between start and end (empty: no end), in PD's encoding where
// both borders are.
func MiddleKey(start, end []byte) []byte {
	rawStart, startOK := DecodeKey(start)
	rawEnd, endOK := DecodeKey(end)
	if (startOK || len(start) == 0) && (endOK || len(end) == 0) {
		middle := EncodeKey(midpoint(rawStart, rawEnd))
		if bytes.Compare(middle, start) > 0 && (len(end) == 0 || bytes.Compare(middle, end) < 0) {
			return middle
		}
	}
	return midpoint(start, end)
}

// midpoint reads both as fractions in base 256 and halves their sum. One more byte than the
// longer of them leaves room for a result that differs from both.
func midpoint(start, end []byte) []byte {
	length := max(len(start), len(end)) + 1
	digit := func(key []byte, i int) int {
		if i < len(key) {
			return int(key[i])
		}
		return 0
	}
	sum := make([]int, length)
	carry := 0
	for i := length - 1; i >= 0; i-- {
		total := digit(start, i) + digit(end, i) + carry
		sum[i], carry = total%256, total/256
	}
	if len(end) == 0 {
		// No end stands for 1.0, which the digits cannot spell.
		carry++
	}
	middle := make([]byte, length)
	for i, total := range sum {
		total += carry * 256
		middle[i], carry = byte(total/2), total%2
	}
	for len(middle) > 1 && middle[len(middle)-1] == 0 && bytes.Compare(middle[:len(middle)-1], start) > 0 {
		middle = middle[:len(middle)-1]
	}
	return middle
}
