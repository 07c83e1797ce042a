import pytest
import torch

from glassbox.nets.devices import resolve_device, suited_threads


@pytest.fixture
def three_threads():
    before = torch.get_num_threads()
    torch.set_num_threads(3)
    yield
    torch.set_num_threads(before)


def test_auto_takes_cuda_where_there_is_one(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert resolve_device("auto") == torch.device("cpu")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert resolve_device("auto").type == "cuda"


def test_cpu_is_always_there():
    assert resolve_device("cpu") == torch.device("cpu")


@pytest.mark.parametrize("name", ["gpu", "", "cuda:x", "tpu", "CPU", None, 1.5])
def test_names_that_mean_nothing_are_refused_with_those_that_do(name):
    with pytest.raises(ValueError, match=r"use 'auto', 'cpu'") as refused:
        resolve_device(name)
    assert f"device={name!r}" in str(refused.value)


@pytest.mark.parametrize("name", ["mps", "meta", "xpu"])
def test_other_devices_are_refused(name):
    with pytest.raises(ValueError, match=rf"device='{name}'.*use 'auto', 'cpu' or 'cuda'"):
        resolve_device(name)


@pytest.mark.parametrize("name", ["cuda", "cuda:0"])
def test_cuda_that_is_not_there_is_refused_with_a_remedy(monkeypatch, name):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(ValueError, match=rf"device='{name}'.*finds none.*'auto' or 'cpu'"):
        resolve_device(name)


def test_a_number_beyond_the_last_cuda_device_is_refused(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    assert resolve_device("cuda:1") == torch.device("cuda:1")
    with pytest.raises(ValueError, match=r"device='cuda:2'.*finds 2 here.*'auto' or 'cpu'"):
        resolve_device("cuda:2")


def test_a_cpu_works_with_one_thread_and_gets_its_threads_back(three_threads):
    with suited_threads(torch.device("cpu")):
        assert torch.get_num_threads() == 1
    assert torch.get_num_threads() == 3


def test_threads_come_back_after_an_error(three_threads):
    with pytest.raises(KeyError), suited_threads(torch.device("cpu")):
        raise KeyError
    assert torch.get_num_threads() == 3


def test_cuda_keeps_the_threads_and_gets_its_precision_back(three_threads):
    before = torch.get_float32_matmul_precision()
    with pytest.raises(KeyError), suited_threads(torch.device("cuda")):
        assert torch.get_num_threads() == 3
        assert torch.get_float32_matmul_precision() == "high"
        raise KeyError
    assert torch.get_float32_matmul_precision() == before
