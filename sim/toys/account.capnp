# A toy that moves money. A transfer is a saga: the debit and what is owed are one turn of the payer; the credit, which knows the
# transfer's number, one of the payee; then the payer owes nothing more. What is owed is paid by alarm, if need be.

@0xb83f0d5a6ce2f143;
using Cxx = import "/capnp/c++.capnp";
$Cxx.namespace("meridian::sim::toys");

interface Account {
  transfer @0 (number :UInt64, to :Text, amount :Int64) -> (accepted :Bool);   # answers when it is paid; not accepted: too poor
  credit @1 (number :UInt64, amount :Int64) -> ();
  owes @2 () -> (count :UInt32);
  pass @3 (number :UInt64, path :List(Text)) -> (hops :UInt32);   # each on the path notes the highest number, and calls the next
}
