from tests.connectors.channels.vk_world import message_of
def test_x():
    m = message_of(); print(m)
