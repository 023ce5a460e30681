// The journal by itself: what its files may look like when they are opened, and what is made of
// that. A journal that is not as it was written is refused, or it ends early where nobody was told
// that there is more; it never tells anything that was not written.
#include <gmock/gmock.h>

#include <filesystem>
#include <fstream>

#include "store/journal.hpp"
#include "tests/unit/power_loss_vfs.hpp"
#include "tests/unit/store_fixture.hpp"

namespace skep::store_test {
namespace {

using testing::AnyOf;
using testing::ElementsAre;
using testing::HasSubstr;

constexpr std::size_t kSegmentBytes = 4096;
constexpr std::uint64_t kIdentity = 7;

class StoreJournal : public testing::Test {
 protected:
  using Batches = std::vector<std::string>;
  struct Opened {
    std::unique_ptr<Journal> journal;
    Batches batches;
    std::optional<Error> error;
  };

  StoreJournal() {
    std::filesystem::create_directories(directory_.file("data"));
    EXPECT_TRUE(Segments::create(disk_, path(), kIdentity, kSegmentBytes));
  }
  std::string path(const std::string& name = "") {
    return directory_.file("data/journal") + (name.empty() ? "" : "/" + name);
  }

  // `lost`: what was not synced may be gone.
  Opened open(const std::string& boot = "boot", std::uint64_t folded = 0, bool lost = false) {
    Opened opened;
    const auto directory = Directory::hold(directory_.file("data"));
    auto mark = EndMark::open(*directory, kIdentity, boot);
    auto segments = Segments::open(*beneath_, path(), kSegmentBytes);
    if (!segments) {
      opened.error = segments.error();
      return opened;
    }
    opened.journal = std::make_unique<Journal>(std::move(*segments), std::move(*mark));
    const Result<> replayed =
        opened.journal
            ->replay(folded,
                     [&](std::uint64_t, std::string_view batch) {
                       opened.batches.emplace_back(batch);
                       return true;
                     })
            .and_then([&](std::uint64_t) { return opened.journal->check_end(lost); });
    if (!replayed) opened.error = replayed.error();
    return opened;
  }
  // After a power cut whose disk held the image. From then on nothing watches.
  Opened open(const Image& image, std::uint64_t folded = 0) {
    beneath_ = &Disk::real();
    restore(image, directory_.file("data"));
    return open("next boot", folded, true);
  }

  // Appends batches `from` to `to`, each as a record; `size` long.
  void append(Journal& journal, std::uint64_t from, std::uint64_t to, std::size_t size = 20) {
    for (; from <= to; ++from) {
      const std::string batch = text(from, size);
      const Result<> appended = journal.append(from, {batch});
      ASSERT_TRUE(appended) << appended.error().message;
    }
  }
  static std::string text(std::uint64_t number, std::size_t size = 20) {
    std::string text = std::to_string(number) + " ";
    text.resize(size, 'x');
    return text;
  }
  static Batches texts(std::uint64_t from, std::uint64_t to, std::size_t size = 20) {
    Batches texts;
    for (; from <= to; ++from) texts.push_back(text(from, size));
    return texts;
  }
  std::vector<std::string> files() {
    std::vector<std::string> names;
    for (const auto& entry : std::filesystem::directory_iterator(path()))
      names.push_back(entry.path().filename().string());
    std::sort(names.begin(), names.end());
    return names;
  }
  static std::string read(const std::string& file) {
    std::ifstream in(file, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }
  static void write(const std::string& file, const std::string& bytes) {
    std::ofstream(file, std::ios::binary) << bytes;
  }

  TempDirectory directory_;
  PowerLossVfs disk_;
  Disk* beneath_ = &disk_;
};

TEST_F(StoreJournal, GoesOnWhereItEnded) {
  for (std::uint64_t life = 0; life < 30; ++life) {
    Opened opened = open();
    ASSERT_FALSE(opened.error) << opened.error->message;
    EXPECT_EQ(opened.batches, texts(1, 10 * life));
    ASSERT_TRUE(opened.journal->take_over());
    append(*opened.journal, 10 * life + 1, 10 * life + 10);
  }
  EXPECT_EQ(files().size(), 5U) << "no life begins a segment that it does not need";
}

TEST_F(StoreJournal, AnyBitFlipsAfterAKill) {
  Opened first = open();
  ASSERT_TRUE(first.journal->take_over());
  append(*first.journal, 1, 70);
  ASSERT_TRUE(first.journal->sync());
  append(*first.journal, 71, 75);
  first.journal.reset();
  ASSERT_EQ(files().size(), 2U);
  for (const std::string& name : files()) {
    const std::string kept = read(path(name));
    int refusals = 0;
    for (std::size_t at = 0; at < kept.size(); ++at) {
      std::string bytes = kept;
      bytes[at] = static_cast<char>(bytes[at] ^ 1 << at % 8);
      write(path(name), bytes);
      const Opened opened = open();
      if (opened.error) {
        ++refusals;
        EXPECT_THAT(opened.error->code, AnyOf(Code::corrupt, Code::conflict, Code::unsupported));
      } else {
        EXPECT_EQ(opened.batches, texts(1, 75)) << "bit " << at % 8 << " of byte " << at;
      }
      if (testing::Test::HasFailure()) return;
    }
    EXPECT_GT(refusals, 200);
    write(path(name), kept);
  }
}

// A power cut may have taken what was not synced, from 71 on, and the note of the end.
TEST_F(StoreJournal, AnyBitFlipsAfterAPowerCut) {
  Opened first = open();
  ASSERT_TRUE(first.journal->take_over());
  append(*first.journal, 1, 70);
  ASSERT_TRUE(first.journal->sync());
  append(*first.journal, 71, 75);
  first.journal.reset();
  std::filesystem::remove(directory_.file("data/store.end"));
  for (const std::string& name : files()) {
    const std::string kept = read(path(name));
    for (std::size_t at = 0; at < kept.size(); ++at) {
      std::string bytes = kept;
      bytes[at] = static_cast<char>(bytes[at] ^ 1 << at % 8);
      write(path(name), bytes);
      const Opened opened = open("next boot", 0, true);
      if (!opened.error) {
        ASSERT_GE(opened.batches.size(), 70U) << "bit " << at % 8 << " of byte " << at;
        ASSERT_EQ(opened.batches, texts(1, opened.batches.size()));
      }
    }
    write(path(name), kept);
  }
}

TEST_F(StoreJournal, EndsAnywhereAfterAPowerCut) {
  Opened first = open();
  ASSERT_TRUE(first.journal->take_over());
  append(*first.journal, 1, 40);
  ASSERT_TRUE(first.journal->sync());
  append(*first.journal, 41, 120);
  first.journal.reset();
  std::size_t shortest = 120;
  std::size_t longest = 0;
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    const Image image = disk_.power_cut(seed);
    Opened opened = open(image);
    ASSERT_FALSE(opened.error) << "seed " << seed << ": " << opened.error->message;
    const std::size_t size = opened.batches.size();
    ASSERT_GE(size, 40U);
    ASSERT_EQ(opened.batches, texts(1, size));
    shortest = std::min(shortest, size);
    longest = std::max(longest, size);
    // What was behind does not come back, whatever is written now.
    ASSERT_TRUE(opened.journal->take_over());
    append(*opened.journal, size + 1, size + 1);
    opened.journal.reset();
    const Opened again = open("next boot");
    ASSERT_FALSE(again.error) << "seed " << seed << ": " << again.error->message;
    ASSERT_EQ(again.batches, texts(1, size + 1));
  }
  EXPECT_EQ(shortest, 40U);
  EXPECT_GT(longest, 42U);
}

TEST_F(StoreJournal, MissingSegment) {
  Opened first = open();
  ASSERT_TRUE(first.journal->take_over());
  for (std::uint64_t i = 0; i < 40; ++i) {
    append(*first.journal, 10 * i + 1, 10 * i + 10);
    ASSERT_TRUE(first.journal->sync());
  }
  first.journal.reset();
  ASSERT_GT(files().size(), 4U);
  for (const std::string& name : files())
    for (const bool power_cut : {false, true}) {
      std::filesystem::rename(path(name), directory_.file("aside"));
      const Opened opened = open(power_cut ? "next boot" : "boot", 0, power_cut);
      ASSERT_TRUE(opened.error) << name;
      EXPECT_EQ(opened.error->code, Code::corrupt);
      std::filesystem::rename(directory_.file("aside"), path(name));
    }
  EXPECT_FALSE(open().error);
}

TEST_F(StoreJournal, SegmentsAreWrittenAgain) {
  Opened first = open();
  ASSERT_TRUE(first.journal->take_over());
  std::uint64_t last = 0;
  for (int round = 0; round < 50; ++round) {
    append(*first.journal, last + 1, last + 300);
    last += 300;
    ASSERT_TRUE(first.journal->sync());
    ASSERT_TRUE(first.journal->trim(last));
  }
  const std::size_t most = files().size();
  EXPECT_LT(most, 9U);
  EXPECT_EQ(first.journal->bytes(), most * kSegmentBytes);
  append(*first.journal, last + 1, last + 10);
  first.journal.reset();
  const Opened opened = open("boot", last);
  ASSERT_FALSE(opened.error) << opened.error->message;
  EXPECT_EQ(opened.batches, texts(last + 1, last + 10));
  EXPECT_THAT(open("boot", last + 11).error->message, HasSubstr("older than the state"));
}

TEST_F(StoreJournal, NothingIsTrimmedAboveTheFold) {
  for (std::uint64_t folded = 1; folded < 300; folded += 7) {
    std::filesystem::remove_all(path());
    std::filesystem::remove(directory_.file("data/store.end"));
    ASSERT_TRUE(Segments::create(disk_, path(), kIdentity, kSegmentBytes));
    Opened first = open();
    ASSERT_TRUE(first.journal->take_over());
    append(*first.journal, 1, 300);
    ASSERT_TRUE(first.journal->sync());
    ASSERT_TRUE(first.journal->trim(folded));
    append(*first.journal, 301, 900);  // over what was given up
    first.journal.reset();
    const Opened opened = open("boot", folded);
    ASSERT_FALSE(opened.error) << opened.error->message;
    ASSERT_EQ(opened.batches, texts(folded + 1, 900));
  }
}

TEST_F(StoreJournal, MoreSpareSegmentsThanAreOfUseAreRemoved) {
  Opened first = open();
  ASSERT_TRUE(first.journal->take_over());
  append(*first.journal, 1, 3000);
  ASSERT_TRUE(first.journal->sync());
  EXPECT_GT(files().size(), 40U);
  ASSERT_TRUE(first.journal->trim(3000));
  EXPECT_EQ(files().size(), 9U);
}

// The same records in the same places, of an earlier use of the file.
TEST_F(StoreJournal, RecordsOfAnEarlierUseDoNotCount) {
  Opened first = open();
  ASSERT_TRUE(first.journal->take_over());
  append(*first.journal, 1, 60);
  ASSERT_TRUE(first.journal->sync());
  first.journal.reset();
  const std::string name = files().front();
  const std::string before = read(path(name));
  std::filesystem::remove_all(path());
  ASSERT_TRUE(Segments::create(disk_, path(), kIdentity, kSegmentBytes));
  const std::string after = read(path(name));
  write(path(name), after.substr(0, 64) + before.substr(64));
  std::filesystem::remove(directory_.file("data/store.end"));
  const Opened opened = open();
  ASSERT_FALSE(opened.error) << opened.error->message;
  EXPECT_THAT(opened.batches, ElementsAre());
}

TEST_F(StoreJournal, RecordLargerThanASegment) {
  Opened first = open();
  ASSERT_TRUE(first.journal->take_over());
  append(*first.journal, 1, 3);
  append(*first.journal, 4, 5, 10'000);
  append(*first.journal, 6, 8);
  first.journal.reset();
  Batches expected = texts(1, 3);
  for (const std::string& large : texts(4, 5, 10'000)) expected.push_back(large);
  for (const std::string& small : texts(6, 8)) expected.push_back(small);
  Opened opened = open();
  ASSERT_FALSE(opened.error) << opened.error->message;
  EXPECT_EQ(opened.batches, expected);
  ASSERT_TRUE(opened.journal->take_over());
  append(*opened.journal, 9, 80);
  ASSERT_TRUE(opened.journal->sync());
  ASSERT_TRUE(opened.journal->trim(80));
  for (const std::string& name : files())
    EXPECT_EQ(std::filesystem::file_size(path(name)), kSegmentBytes) << "it is kept";
}

// What a fold sets free is written again only when a power cut would not bring its end back.
TEST_F(StoreJournal, WhereItEndsStaysUntilTheNextSegmentIsSynced) {
  Opened opened = open();
  ASSERT_TRUE(opened.journal->take_over());
  append(*opened.journal, 1, 9, 1000);  // three in a segment: the next one begins a fourth
  ASSERT_TRUE(opened.journal->sync());
  append(*opened.journal, 10, 30, 1000);  // over several segments, none of them synced
  ASSERT_TRUE(opened.journal->trim(9));
  append(*opened.journal, 31, 50, 1000);
  for (const std::uint64_t seed : {0, 1, 2, 3, 4, 5, 6, 7}) {
    const Image image = disk_.power_cut(seed);
    const Opened left = open(image, 9);
    EXPECT_FALSE(left.error) << seed << ": " << left.error->message;
  }
}

TEST_F(StoreJournal, WriteThatFailsIsTriedAgain) {
  for (const int fault : {SQLITE_FULL, SQLITE_IOERR_WRITE}) {
    Opened opened = open();
    ASSERT_FALSE(opened.error) << opened.error->message;
    ASSERT_TRUE(opened.journal->take_over());
    std::uint64_t last = opened.batches.size();
    // At each place of a segment, the beginning of the next one too.
    for (int i = 0; i < 200; ++i) {
      const std::string batch = text(++last, 1000);
      disk_.fail_writes(fault);
      const Result<> failed = opened.journal->append(last, {batch});
      ASSERT_FALSE(failed);
      EXPECT_EQ(failed.error().code, fault == SQLITE_FULL ? Code::full : Code::io);
      disk_.fail_writes(SQLITE_OK);
      if (i % 10 == 9) {  // killed in between
        opened.journal.reset();
        opened = open();
        ASSERT_FALSE(opened.error) << opened.error->message;
        ASSERT_EQ(opened.batches, texts(1, last - 1, 1000));
        ASSERT_TRUE(opened.journal->take_over());
      }
      ASSERT_TRUE(opened.journal->append(last, {batch}));
    }
    opened.journal.reset();
    EXPECT_EQ(open().batches, texts(1, last, 1000));
    EXPECT_THAT(files(), testing::Not(testing::Contains("unfinished")));
  }
}

TEST_F(StoreJournal, FullDisk) {
  auto full = Disk::real().open("/dev/full");
  ASSERT_TRUE(full) << full.error().message;
  const Result<> written = (*full)->write(0, "some bytes");
  ASSERT_FALSE(written);
  EXPECT_EQ(written.error().code, Code::full);
  EXPECT_THAT(written.error().message, HasSubstr("/dev/full: cannot be written"));
}

}  // namespace
}  // namespace skep::store_test
